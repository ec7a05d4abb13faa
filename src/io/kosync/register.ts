/** Making an account on a kosync server. */
import type { LoggedIn } from "../../app/ports.ts";
import type { Account } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import { isGood, isPage, jsonOf, type Answer } from "./answers.ts";
import { CODES, type Troubles } from "./troubles.ts";
import type { Transport } from "./transport.ts";

/**
 * Registers the account. Throws UsernameTaken, RegistrationClosed, NotKosyncServer, ServerRefused and what the transport
 * throws. `logIn` tells whether the account is there where an answer leaves it open.
 */
export async function register(
  account: Account,
  transport: Transport,
  troubles: Troubles,
  logIn: () => Promise<LoggedIn>,
  signal?: AbortSignal,
): Promise<LoggedIn> {
  const body = { username: account.username, password: account.userkey };
  const answer = await transport.ask({ method: "POST", path: "/users/create", body, login: false }, signal);
  const { status, kosync_code } = answer;
  const { url } = transport;
  const made = { url: transport.address(), shown: true };
  if (isGood(answer) && kosync_code === null) {
    if (isPage(answer)) throw troubles.of(answer);
    const json = jsonOf(answer);
    if (status === 201 || (typeof json === "object" && json !== null && "username" in json)) return made;
    // Nothing, or something that anybody might say: the account is there if it lets us in.
    return await logIn();
  }
  if (isTaken(answer)) {
    // A try that broke off may have made the account: then it is ours, and its key fits.
    if (answer.uncertain) {
      const ours = await logIn().catch(() => null);
      if (ours !== null) return ours;
    }
    throw new SyncError("UsernameTaken", { url, username: account.username });
  }
  if (kosync_code === CODES.registration_off) throw new SyncError("RegistrationClosed", { url });
  if (kosync_code === CODES.invalid_request) throw troubles.refused(answer);
  if ([402, 403, 404, 405, 501].includes(status)) {
    await expectKosyncServer(answer, troubles, logIn);
    throw new SyncError("RegistrationClosed", { url });
  }
  throw troubles.of(answer);
}

function isTaken({ status, kosync_code, message }: Answer): boolean {
  return kosync_code === CODES.username_taken || status === 409 || /already|exists|taken/i.test(message ?? "");
}

/** Throws NotKosyncServer unless the address answers a login, rightly or wrongly, as a kosync server does. */
async function expectKosyncServer(answer: Answer, troubles: Troubles, logIn: () => Promise<LoggedIn>): Promise<void> {
  try {
    await logIn();
  } catch (error) {
    if (error instanceof SyncError && error.kind === "Unauthorized") return;
    throw error instanceof SyncError && error.kind === "ServerRefused" ? troubles.notKosync(answer) : error;
  }
}
