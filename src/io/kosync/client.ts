/** The kosync protocol from a client's side, with every server in the field behind one face. */
import type { KosyncClient, LoggedIn } from "../../app/ports.ts";
import { dailyAllowance } from "../../core/ask-budget.ts";
import type { Account } from "../../model/account.ts";
import { listDocuments } from "./listing.ts";
import { logIn } from "./login.ts";
import { createRecords } from "./records.ts";
import { register } from "./register.ts";
import { createTransport, type Limits, type Pacings } from "./transport.ts";
import { createTroubles } from "./troubles.ts";

export interface KosyncClientOptions {
  readonly account: Account;
  readonly limits?: Partial<Limits>;
  /** What earlier clients learned of how fast servers may be asked. */
  readonly pacings?: Pacings;
}

/**
 * A client for one account. Every method throws SyncError: ServerUnreachable {url, attempts, cause}, CertificateRefused
 * {url, fingerprint, reason}, Unauthorized {url, username}, NotKosyncServer {url, content_type}, BehindLogin {url,
 * location}, OtherAddress {url, found, by}, ServerRefused {url, status, kosync_code, message} and Cancelled; the words for
 * cause and reason are those of `network-failure.ts` and `certificate.ts`.
 */
export function createKosyncClient({ account: given, limits, pacings }: KosyncClientOptions): KosyncClient {
  // No header can carry blanks around a name: a server would never see them again.
  const account = { ...given, username: given.username.trim() };
  const transport = createTransport(account, limits, pacings);
  const troubles = createTroubles(account, transport);
  const records = createRecords(transport, troubles, confirm);
  let confirmed: Promise<LoggedIn> | undefined;

  async function authorize(signal?: AbortSignal): Promise<LoggedIn> {
    const letIn = await logIn(transport, troubles, signal);
    confirmed = Promise.resolve(letIn);
    return letIn;
  }

  /**
   * Once per client: the server at this address knows the account. Only then "nothing stored" is believed, for a wrong
   * address or a proxy answers 404 to everything, and a book must not count as unread for that.
   */
  function confirm(signal?: AbortSignal): Promise<LoggedIn> {
    confirmed ??= logIn(transport, troubles, signal).catch((error: unknown) => {
      confirmed = undefined;
      throw error;
    });
    return confirmed;
  }

  return {
    authorize,
    register: (signal) => register(account, transport, troubles, () => authorize(signal), signal),
    getProgress: records.get,
    putProgress: records.put,
    removeDocument: records.remove,
    async listDocuments(signal) {
      // The reference server cannot, and the public one need not be asked each time.
      if (Number.isFinite(dailyAllowance(transport.url))) return null;
      await confirm(signal);
      return listDocuments(transport, account.username, signal);
    },
    clockAhead: () => transport.clockAhead(),
    finish: () => transport.finish(),
    close: () => transport.close(),
  };
}
