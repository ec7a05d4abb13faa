/** Puts places again under new digests, each only after a last look at what stands there. */
import { isSameRecordedPlace, mayCarryOver } from "../core/carry-over.ts";
import { OWN_DEVICE_PREFIX } from "../core/peek.ts";
import type { Account } from "../model/account.ts";
import type { CarryOver, CarryOverResult } from "../model/carry-over.ts";
import { SyncError } from "../model/error.ts";
import type { Running } from "./ask-server.ts";
import type { KosyncClient, OpenKosyncClient } from "./ports.ts";

/** The name under which KOReader shows where the offered place comes from. */
const DEVICE = "calibre";

export interface CarryOverRequest {
  readonly account: Account;
  /** Made once per library, without the prefix. */
  readonly library_id: string;
  readonly carry_overs: readonly CarryOver[];
  readonly reading_from: number;
}

/** Carries over one after the other; a failure of one leaves the others. Rejects when cancelled or not let in. */
export async function carryOver(
  { account, library_id, carry_overs, reading_from }: CarryOverRequest,
  openClient: OpenKosyncClient,
  { signal, progress }: Running,
): Promise<CarryOverResult[]> {
  const results: CarryOverResult[] = [];
  if (carry_overs.length === 0) return results;
  const client = await openClient(account);
  try {
    for (const carry_over of carry_overs) {
      signal.throwIfAborted();
      results.push({ carry_over, outcome: await carryOne(client, carry_over, library_id, reading_from, signal) });
      progress(results.length, carry_overs.length, "pushing");
    }
  } finally {
    await client.close();
  }
  return results;
}

async function carryOne(
  client: KosyncClient,
  { document, progress: place }: CarryOver,
  library_id: string,
  reading_from: number,
  signal: AbortSignal,
): Promise<CarryOverResult["outcome"]> {
  try {
    const current = await client.getProgress(document, signal);
    if (!mayCarryOver(current, place, reading_from)) return "not_needed";
    // A device that has read on since the plan was made: what we put now would be old, and look new. The next run knows.
    const source = place.document === document ? current : await client.getProgress(place.document, signal);
    if (source !== null && !isSameRecordedPlace(source, place)) return "not_needed";
    const device_id = `${OWN_DEVICE_PREFIX}${library_id}`;
    const { progress, percentage } = place;
    await client.putProgress({ document, progress, percentage, device: DEVICE, device_id }, signal);
    return "carried";
  } catch (error) {
    // The next run plans it again from the same facts: there is nothing to queue.
    if (error instanceof SyncError && error.kind !== "Unauthorized" && error.kind !== "Cancelled") return "failed";
    throw error;
  }
}
