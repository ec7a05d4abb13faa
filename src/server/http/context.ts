import type { Store } from "../stores/store.ts";
import type { Gate } from "./gate.ts";
import type { Pending } from "./pending.ts";

/** What the routes need. */
export interface Context {
  readonly store: Store;
  readonly gate: Gate;
  readonly clock: () => number;
  readonly pending: Pending;
  readonly registration: "open" | "closed";
  readonly basePath: string;
  /** Told of each write that an account has no room for. */
  readonly noteFull: (username: string, address: string) => void;
}
