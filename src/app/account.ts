/** Logging in and registering at the address the reader typed; another one is proposed, never taken. */
import { typedAddress } from "../core/server-url.ts";
import type { Account } from "../model/account.ts";
import { SyncError } from "../model/error.ts";
import type { FindServer, KosyncClient, LoggedIn, OpenKosyncClient } from "./ports.ts";

export interface AccountPorts {
  readonly findServer: FindServer;
  readonly openClient: OpenKosyncClient;
}

/** The URL that really answers, which may differ from what was typed and is the one to keep. */
export interface AccountAnswer extends LoggedIn {
  username: string;
}

/** Whether the server knows the account and its key; throws what `KosyncClient.authorize` and `orElsewhere` throw. */
export function authorizeAccount(account: Account, ports: AccountPorts, signal?: AbortSignal): Promise<AccountAnswer> {
  return atTyped(account, ports, (client) => client.authorize(signal), signal);
}

/** Creates the account; throws what `KosyncClient.register` and `orElsewhere` throw. */
export function registerAccount(account: Account, ports: AccountPorts, signal?: AbortSignal): Promise<AccountAnswer> {
  return atTyped(account, ports, (client) => client.register(signal), signal);
}

async function atTyped(
  account: Account,
  ports: AccountPorts,
  act: (client: KosyncClient) => Promise<LoggedIn>,
  signal: AbortSignal | undefined,
): Promise<AccountAnswer> {
  const client = await ports.openClient(account);
  try {
    return { ...(await act(client)), username: account.username };
  } catch (error) {
    throw await orElsewhere(account, error, ports.findServer, signal);
  } finally {
    await client.close();
  }
}

/**
 * What to tell when the typed address did not do: OtherAddress, where a server answers at another one. The key has not
 * gone there, and does not before the reader has confirmed it. Everything else stays as it was.
 */
async function orElsewhere(
  account: Account,
  error: unknown,
  findServer: FindServer,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (!(error instanceof SyncError)) return error;
  const url = String(error.data["url"] ?? account.url);
  if (error.kind === "OtherAddress") {
    const location = String(error.data["found"]);
    const isServer = (await findServer(account, signal, location)) !== null;
    // Nothing to propose: a portal or a login that sends everybody to itself.
    return isServer ? error : new SyncError("BehindLogin", { url, location });
  }
  if (!mayBeElsewhere(error, account.url)) return error;
  const found = await findServer(account, signal);
  return found === null ? error : new SyncError("OtherAddress", { url, found, by: "search" });
}

/** A server that is down, busy or hangs is at the right address as far as anybody can know: searching would only add to it. */
function mayBeElsewhere({ kind, data }: SyncError, typed: string): boolean {
  if (kind === "NotKosyncServer") return true;
  if (kind !== "ServerUnreachable" || data["cause"] === "bad_url") return false;
  const isBare = typedAddress(typed) !== null && !/^https?:/i.test(typed.trim());
  return isBare || ["refused", "tls", "reset"].includes(String(data["cause"]));
}
