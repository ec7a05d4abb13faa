/** A sync server of one's own, for as long as this process runs. */
import { SyncError } from "../model/error.ts";
import type {
  AccountChange,
  ArrivedPlace,
  HostingOptions,
  HostingStatus,
  HostingUserChange,
  Visit,
} from "../model/hosting.ts";

/** A server that listens. */
export interface HostedServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** The users of a server's database, whether the server runs or not. */
export interface HostedUsers {
  addUser(username: string, key: string): Promise<AccountChange>;
  setPassword(username: string, key: string): Promise<AccountChange>;
  deleteUser(username: string): Promise<boolean>;
  listUsers(): Promise<string[]>;
  close(): Promise<void>;
}

/** Who is told of what comes to the server. */
export interface Heard {
  /** Of each place that has arrived. */
  readonly place: (place: ArrivedPlace) => void;
  /** Of each who asks. */
  readonly visit: (visit: Visit) => void;
}

const NOBODY: Heard = { place: () => undefined, visit: () => undefined };

export interface HostingPorts {
  /** Rejects with `SyncError("PortTaken")` or `SyncError("StoreUnavailable")`. */
  readonly serve: (options: HostingOptions, heard: Heard) => Promise<HostedServer>;
  readonly openUsers: (data: string) => Promise<HostedUsers>;
  /** This machine's addresses in its networks, for a server that listens on `host`. */
  readonly addresses: (host: string) => string[];
}

export interface Hosting {
  start(options: HostingOptions, heard?: Heard): Promise<HostingStatus>;
  stop(): Promise<HostingStatus>;
  status(): HostingStatus;
  changeUsers(change: HostingUserChange): Promise<string[]>;
}

/** At most one server at a time; starting again stops the one before. */
export function createHosting({ serve, openUsers, addresses }: HostingPorts): Hosting {
  let server: HostedServer | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /**
   * One start, stop or change of users after the other. Two starts at once would each begin a server, and one of them
   * would never be ended; a change meanwhile would have the database open twice while a server opens or closes it, and
   * might answer with a list that another change has made old.
   */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  function status(): HostingStatus {
    if (server === null) return { running: false, port: null, urls: [] };
    const { host, port } = server;
    const isEverywhere = host === "0.0.0.0" || host === "::";
    const hosts = isEverywhere ? [...addresses(host), "127.0.0.1"] : [host];
    return {
      running: true,
      port,
      urls: hosts.map((name) => `http://${name.includes(":") ? `[${name}]` : name}:${port}`),
    };
  }

  async function stop(): Promise<HostingStatus> {
    const running = server;
    server = null;
    await running?.stop();
    return status();
  }

  return {
    status,
    stop: () => inTurn(stop),
    start: (options, heard = NOBODY) =>
      inTurn(async () => {
        await stop();
        server = await serve(options, heard);
        return status();
      }),
    changeUsers: (change) =>
      inTurn(async () => {
        const users = await openUsers(change.data);
        try {
          // The reader's sentence names a place: the server's address or, when it does not run, its folder.
          await applyChange(users, change, status().urls[0] ?? change.data);
          return await users.listUsers();
        } finally {
          await users.close();
        }
      }),
  };
}

async function applyChange(users: HostedUsers, change: HostingUserChange, url: string): Promise<void> {
  switch (change.action) {
    case "list":
      return;
    case "add":
      return orRefuse(await users.addUser(change.username, change.userkey), change.username, url);
    case "password":
      return orRefuse(await users.setPassword(change.username, change.userkey), change.username, url);
    case "delete":
      await users.deleteUser(change.username);
      return;
    default:
      change satisfies never;
  }
}

/** What became of a change, as the error that the reader is told. */
function orRefuse(outcome: AccountChange, username: string, url: string): void {
  switch (outcome) {
    case "done":
      return;
    case "taken":
      throw new SyncError("UsernameTaken", { url, username });
    case "unknown":
      throw new SyncError("Unauthorized", { url, username });
    case "unfit_name":
    case "unfit_password":
      // As the server itself would answer.
      throw new SyncError("ServerRefused", { url, status: 403, kosync_code: 2003, message: "Invalid request" });
    default:
      outcome satisfies never;
  }
}
