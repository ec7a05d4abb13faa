/** Reading moves to another account: what is remembered for one is put on the other's server, where that knows nothing of it. */
import { dailyAllowance, dayOf } from "../core/ask-budget.ts";
import { planMoves } from "../core/move.ts";
import type { Account } from "../model/account.ts";
import type { CarryOver, CarryOverResult } from "../model/carry-over.ts";
import type { RememberedBook } from "../model/move.ts";
import { why } from "../model/why.ts";
import type { Running } from "./ask-server.ts";
import { each, type CarryOverPorts } from "./carry-over.ts";
import type { Clock } from "./ports.ts";

export interface PlanMoveRequest {
  /** Where the places go. */
  readonly account: Account;
  /** As they are remembered for the account that is left. */
  readonly books: readonly RememberedBook[];
  readonly reading_from: number;
}

/** A place costs a look when it is planned, one before it is put, and the putting. */
const REQUESTS = 3;

/**
 * Looks which places the server lacks; those are `due`, and put by `carryOver`. A shared server is asked no more than its
 * day allows: the rest waits, and the next move goes on with it. Rejects when cancelled or not let in.
 */
export async function planMove(
  { account, books, reading_from }: PlanMoveRequest,
  ports: CarryOverPorts & { readonly clock: Clock },
  running: Running,
): Promise<CarryOverResult[]> {
  const moves = planMoves(books, reading_from);
  const day = dayOf(ports.clock());
  const left = Math.max(0, dailyAllowance(account.url) - ports.cache.spent(account.id, day));
  const today = Number.isFinite(left) ? moves.slice(0, Math.floor(left / REQUESTS)) : moves;
  const results = await each(account, today, ports, running, async (client, move, signal) => {
    if (Number.isFinite(left)) ports.cache.spend(account.id, day, REQUESTS);
    const found = await client.getProgress(move.document, signal);
    if (found === null) return { carry_over: move, outcome: "due", found, timestamp: null, why: movedWhy(move) };
    const { percentage: from, device, timestamp } = found;
    const stands = why("move_stands", { ...ofMove(move), from, device, timestamp });
    return { carry_over: move, outcome: "not_needed", found, timestamp: null, why: stands };
  });
  return [...results, ...moves.slice(today.length).map(waits)];
}

const ofMove = ({ document, progress: { percentage } }: CarryOver): { document: string; percentage: number } => ({
  document,
  percentage,
});

function movedWhy(move: CarryOver): CarryOverResult["why"] {
  return why("moved", { ...ofMove(move), device: move.progress.device });
}

function waits(move: CarryOver): CarryOverResult {
  return { carry_over: move, outcome: "failed", found: null, timestamp: null, why: why("move_waits", ofMove(move)) };
}
