/** Puts places again under new digests, each only after a last look at what stands there. */
import { isSameRecordedPlace, mayCarryOver, mayOffer } from "../core/carry-over.ts";
import { CALIBRE_DEVICE, isOwn, OWN_DEVICE_PREFIX } from "../core/peek.ts";
import type { Account } from "../model/account.ts";
import type { CarryOver, CarryOverResult } from "../model/carry-over.ts";
import { SyncError } from "../model/error.ts";
import type { Progress } from "../model/progress.ts";
import { why, type Why } from "../model/why.ts";
import type { Running } from "./ask-server.ts";
import { inTurn } from "./in-turn.ts";
import { troubleOf } from "./trouble.ts";
import type { KosyncClient, OpenKosyncClient, ServerCache } from "./ports.ts";

export interface PlanCarryOverRequest {
  readonly account: Account;
  readonly carry_overs: readonly CarryOver[];
  readonly reading_from: number;
  /** The reader asked for it: a place may stand in for an older one that a device has put there. */
  readonly on_request: boolean;
}

export interface CarryOverRequest {
  readonly account: Account;
  /** Made once per library, without the prefix. */
  readonly library_id: string;
  /** As planned: each is put only where there still stands what it found. */
  readonly due: readonly CarryOverResult[];
}

export interface CarryOverPorts {
  readonly openClient: OpenKosyncClient;
  readonly cache: ServerCache;
}

/** Looks once more at what stands where; what may be put there is `due`. Rejects when cancelled or not let in. */
export function planCarryOver(
  { account, carry_overs, reading_from, on_request }: PlanCarryOverRequest,
  ports: CarryOverPorts,
  running: Running,
): Promise<CarryOverResult[]> {
  const may = on_request ? mayOffer : mayCarryOver;
  return each(account, carry_overs, ports, running, async (client, carry_over, signal) => {
    const { document, progress: place } = carry_over;
    const found = await client.getProgress(document, signal);
    if (!may(found, place, reading_from)) return left(carry_over, found);
    // A device that has read on since the plan was made: what we put now would be old, and look new. The next run knows.
    const source = place.document === document ? found : await client.getProgress(place.document, signal);
    if (source !== null && !isSameRecordedPlace(source, place)) {
      const reason = why("offer_moved_on", { document, percentage: source.percentage, device: source.device });
      return { carry_over, outcome: "not_needed", found, timestamp: null, why: reason };
    }
    return { carry_over, outcome: "due", found, timestamp: null, why: given(carry_over, found) };
  });
}

/** Puts what is due; a failure of one leaves the others. Rejects as planning does. */
export function carryOver(
  { account, library_id, due }: CarryOverRequest,
  ports: CarryOverPorts,
  running: Running,
): Promise<CarryOverResult[]> {
  const device_id = `${OWN_DEVICE_PREFIX}${library_id}`;
  const planned = new Map(due.map((one) => [one.carry_over, one]));
  return each(account, [...planned.keys()], ports, running, async (client, carry_over, signal) => {
    const { document } = carry_over;
    const { progress, percentage } = carry_over.progress;
    const found = await client.getProgress(document, signal);
    const before = planned.get(carry_over);
    if (found !== null && !isStillThere(found, before?.found ?? null)) return left(carry_over, found);
    const record = { document, progress, percentage, device: CALIBRE_DEVICE, device_id };
    const { timestamp } = await client.putProgress(record, signal);
    const isAsPlanned = before !== undefined && (found === null) === (before.found === null);
    const reason = isAsPlanned ? before.why : given(carry_over, found);
    return { carry_over, outcome: "carried", found, timestamp, why: reason };
  });
}

/** Handles several at once; a failure of one leaves the others, and what the server fell silent before has failed too. */
export async function each(
  account: Account,
  carry_overs: readonly CarryOver[],
  { openClient, cache }: CarryOverPorts,
  { signal, progress }: Running,
  handle: (client: KosyncClient, carry_over: CarryOver, signal: AbortSignal) => Promise<CarryOverResult>,
): Promise<CarryOverResult[]> {
  if (carry_overs.length === 0) return [];
  const client = await openClient(account);
  try {
    const { turns, ended } = await inTurn({
      items: carry_overs,
      client,
      signal,
      writes: true,
      async act(carry_over, stop) {
        const result = await handle(client, carry_over, stop);
        // Something stands there, or will: the next run must see it, or it would carry over again and again.
        cache.forgetWord(account.id, carry_over.document);
        return result;
      },
      onDone: (done) => progress(done, carry_overs.length, "pushing"),
    });
    return carry_overs.map((carry_over, index) => {
      const turn = turns[index];
      if (turn?.status === "word") return turn.value;
      // The next run plans it again from the same facts: there is nothing to queue.
      const error = turn?.status === "failed" ? turn.error : (ended ?? new SyncError("Cancelled"));
      const reason = why("offer_failed", { document: carry_over.document, ...troubleOf(error) });
      return { carry_over, outcome: "failed", found: null, timestamp: null, why: reason };
    });
  } finally {
    await client.close();
  }
}

/** Whether what stands there now is what was found when it was planned. */
function isStillThere(found: Progress, planned: Progress | null): boolean {
  return planned !== null && isSameRecordedPlace(found, planned) && found.device_id === planned.device_id;
}

function byWhom({ device, timestamp }: Progress): { device: string; timestamp: number | null } {
  return { device, timestamp };
}

/** What a copy was given, and instead of what. */
function given({ document, progress: { document: from, percentage, device } }: CarryOver, found: Progress | null): Why {
  if (document === from) return why("offer_again", { document, percentage, device });
  if (found === null || isOwn(found)) return why("carried_over", { document, percentage });
  return why("offer_replaced", { document, percentage, from: found.percentage, ...byWhom(found) });
}

/** Why what stands there stays. */
function left(carry_over: CarryOver, found: Progress | null): CarryOverResult {
  const { document, progress: place } = carry_over;
  const { percentage } = place;
  const same = { document, percentage };
  const reason =
    found === null || isSameRecordedPlace(found, place)
      ? why("offer_same_place", same)
      : isOwn(found)
        ? why("offer_newer_there", { ...same, from: found.percentage })
        : why("offer_read_there", { ...same, from: found.percentage, ...byWhom(found) });
  return { carry_over, outcome: "not_needed", found, timestamp: null, why: reason };
}
