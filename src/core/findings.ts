/** What a look at a server comes to: one sentence for each thing, and what to do. No name, address or path of anybody. */
import type { Account } from "../model/account.ts";
import type { Check, Finding } from "../model/diagnosis.ts";
import type { KnownDigest } from "../model/digest.ts";
import { typedAddress } from "./server-url.ts";

/** What the server said beyond its refusals. */
export interface Heard {
  /** False where the server lets anybody in, or does not say. */
  readonly login_shown: boolean;
  /** Seconds that its clock is ahead of ours; null where it does not say. */
  readonly ahead: number | null;
  /** How many documents it listed; null where it cannot list. */
  readonly documents: number | null;
  /** A book's digests in the order of asking; null where the server knows no document of this name. */
  readonly asked: readonly { readonly digest: KnownDigest; readonly percentage: number | null }[];
}

export const NOTHING_HEARD: Heard = { login_shown: true, ahead: null, documents: null, asked: [] };

export interface Looked {
  readonly account: Account;
  readonly url: string | null;
  readonly checks: readonly Check[];
  readonly heard: Heard;
}

/** Seconds that two clocks may differ before dates in the library look odd. */
const MUCH = 120;

/** The findings in the order in which a request meets their things: the first bad one is usually the cause of the rest. */
export function findingsOf(looked: Looked): Finding[] {
  const { checks, heard } = looked;
  const isIn = checks.some(({ name, ok }) => name === "log_in" && ok);
  return [
    ...address(looked),
    ...failures(checks),
    ...(isIn ? [...login(heard), ...clock(heard), ...server(heard), ...book(heard)] : []),
  ];
}

function finding(about: Finding["about"], level: Finding["level"], says: string, advice = ""): Finding {
  return { about, level, says, advice };
}

function address({ account, url, checks }: Looked): Finding[] {
  const typed = typedAddress(account.url);
  if (typed === null) return [];
  const isSecure = typed.protocol === "https:";
  const isReached = url !== null;
  const found: Finding[] = [];
  if (isReached) found.push(finding("address", "good", "A kosync server answers at this address."));
  if (isReached && account.proxy !== null) found.push(finding("proxy", "good", "It is reached through the proxy."));
  const [level, says, whatToDo] = TRUST[account.tls.mode];
  if (isReached && isSecure) found.push(finding("certificate", level, says, whatToDo));
  if (!isSecure && !isHome(typed.hostname)) {
    const advice = "Use https:// if the server can, or keep it inside your home or a VPN.";
    found.push(
      finding("certificate", "note", "The connection is not encrypted: others on the way can read the key.", advice),
    );
  }
  const slow = checks.find(({ ok, took }) => ok && took > 3000);
  if (slow !== undefined) found.push(finding("address", "note", `It took ${slow.took} ms to answer ("${slow.name}").`));
  return found;
}

const TRUST: Readonly<Record<Account["tls"]["mode"], [Finding["level"], string, string?]>> = {
  system: ["good", "Its certificate is trusted by this machine, and so is the chain above it."],
  ca_file: ["good", "Its certificate is signed by an authority of the file you chose."],
  fingerprint: [
    "good",
    "Its certificate is the very one you trust.",
    "When it is renewed, its new fingerprint is asked for.",
  ],
  none: [
    "note",
    "Its certificate is not looked at: anybody on the way can read the key.",
    "Trust its fingerprint instead.",
  ],
};

/** This machine, or a network at home: nobody else is on the way. */
function isHome(host: string): boolean {
  return (
    /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]|\[f[cd])/i.test(host) ||
    !/[.:]/.test(host) ||
    /\.(local|lan|home\.arpa|internal)$/i.test(host)
  );
}

function failures(checks: readonly Check[]): Finding[] {
  return checks.flatMap(({ name, error }) => {
    if (error === null) return [];
    const [about, says, advice] = failure(error.name, error.data);
    // What a book or a list fails at spoils no sync.
    const isMinor = name === "list";
    return [
      finding(about, isMinor ? "note" : "bad", isMinor ? `Listing failed: ${says}` : says, isMinor ? "" : advice),
    ];
  });
}

type Failure = [about: Finding["about"], says: string, advice: string];

function failure(name: string, data: Readonly<Record<string, string | number | null>>): Failure {
  const status = Number(data["status"]);
  switch (name) {
    case "ServerUnreachable":
      return unreachable(String(data["cause"] ?? "no connection"));
    case "CertificateRefused":
      return [
        "certificate",
        `Its certificate is not trusted: ${String(data["reason"] ?? "other")}.`,
        certificateAdvice(data["reason"]),
      ];
    case "Unauthorized":
      return [
        "login",
        "The server does not know this user and password.",
        "Type them again as in KOReader; capital letters count.",
      ];
    case "NotKosyncServer":
      return [
        "address",
        "Something answers, but not as a kosync server does.",
        "Is the path right? docs/servers.md says how each server's address is typed.",
      ];
    case "BehindLogin":
      return [
        "address",
        "A login page stands in front of it.",
        "Let /users/*, /syncs/* and /healthcheck pass without it, or add the header it wants.",
      ];
    case "OtherAddress":
      return [
        "address",
        "It answers at another address than the one typed.",
        "If that one is yours, type it; the key was not sent there.",
      ];
    default:
      if (status === 429)
        return ["server", "The server has had too many requests from here.", "The address is right; wait a while."];
      if (status >= 500)
        return [
          "server",
          `The server is down or has a fault (status ${status}).`,
          "The address is right; try again later, or look into its log.",
        ];
      return [
        "server",
        `The server refused${Number.isNaN(status) ? "" : ` with status ${status}`}.`,
        "Whoever runs it finds the reason in its log.",
      ];
  }
}

function unreachable(cause: string): Failure {
  if (cause.startsWith("proxy")) {
    return [
      "proxy",
      `The proxy did not do its part: ${cause}.`,
      "Check its address and login; or leave it away if this network needs none.",
    ];
  }
  if (cause === "bad_url")
    return ["address", "What was typed is no address.", "Type it as in KOReader, such as https://sync.example.org."];
  const advice =
    cause === "unknown_host"
      ? "Is the name spelled right, and does this machine reach the internet?"
      : "Is the server running, is the port right, and does a firewall stand between?";
  return ["address", `No answer: ${cause}.`, advice];
}

function certificateAdvice(reason: unknown): string {
  if (reason === "expired" || reason === "not_yet_valid")
    return "Renew it on the server; if it is new, check this machine's clock.";
  if (reason === "wrong_host") return "Type the name that the certificate is for.";
  if (reason === "ca_file_unreadable") return "Choose a file that holds certificates, PEM or DER.";
  if (reason === "changed")
    return "If the server got a new one, trust its new fingerprint; if not, somebody may be on the way.";
  return "If it is your own, trust its fingerprint or the file of its authority.";
}

function login({ login_shown }: Heard): Finding[] {
  if (login_shown) return [finding("login", "good", "The server lets this user in.")];
  return [
    finding(
      "login",
      "note",
      "The server does not say whether the password is right.",
      "The first book that is found shows it.",
    ),
  ];
}

function clock({ ahead }: Heard): Finding[] {
  if (ahead === null) return [finding("clock", "note", "The server does not say what time it is.")];
  const seconds = Math.round(Math.abs(ahead));
  if (seconds <= MUCH) return [finding("clock", "good", "Its clock and this machine's agree.")];
  const says = `Its clock is ${seconds} seconds ${ahead > 0 ? "ahead of" : "behind"} this machine's.`;
  return [
    finding("clock", "bad", says, "Set the clock that is wrong: dates, and which place is the newest, come from it."),
  ];
}

function server({ documents }: Heard): Finding[] {
  if (documents === null)
    return [finding("server", "good", "It cannot list documents: each book is asked for by its digests.")];
  const advice = documents === 0 ? "Sync a book from KOReader first, as this very user." : "";
  return [finding("server", documents === 0 ? "note" : "good", `It lists ${documents} documents.`, advice)];
}

function book({ asked }: Heard): Finding[] {
  if (asked.length === 0) return [];
  const known = asked.filter(({ percentage }) => percentage !== null);
  const lines = known.map(({ digest, percentage }) =>
    finding(
      "book",
      "good",
      `The server knows its digest ${digest.digest.slice(0, 8)}… (${digest.kind}, ${digest.source}) at ${((percentage ?? 0) * 100).toFixed(1)} %.`,
    ),
  );
  if (known.length === 0) {
    const says = `Of ${asked.length} digests of this book the server knows none.`;
    return [finding("book", "note", says, "Open it in KOReader and sync; then compare with File information there.")];
  }
  const kinds = new Set(known.map(({ digest }) => digest.kind));
  const [only] = kinds;
  const method = kinds.size > 1 ? "both" : only === "filename" ? "filename" : "binary";
  return [...lines, finding("matching", "good", `Documents are matched by: ${method}.`, MATCHING[method])];
}

const MATCHING = {
  both: "",
  filename: 'In KOReader this is "Filename": renamed files are other books to it.',
  binary: 'In KOReader this is "Binary", its default.',
} as const;
