/** Takes back what a push put on the server, each record only if ours still stands there; a failure of one leaves the others. */
import { CALIBRE_DEVICE, OWN_DEVICE_PREFIX, PUSH_DEVICE_PREFIX } from "../core/peek.ts";
import { planUndoPush } from "../core/undo-push.ts";
import type { Account } from "../model/account.ts";
import { SyncError } from "../model/error.ts";
import type { PutBack, PutBackResult } from "../model/push.ts";
import { why } from "../model/why.ts";
import type { Running } from "./ask-server.ts";
import { inTurn } from "./in-turn.ts";
import { troubleOf } from "./trouble.ts";
import type { KosyncClient, OpenKosyncClient } from "./ports.ts";

export interface UndoPushRequest {
  readonly account: Account;
  /** Made once per library, without a prefix. */
  readonly library_id: string;
  readonly put_backs: readonly PutBack[];
  /** An undo is undone: what is put back is a push again, and news to other machines. */
  readonly again: boolean;
}

/** Undoes one after the other. Rejects when cancelled or not let in. */
export async function undoPush(
  { account, library_id, put_backs, again }: UndoPushRequest,
  openClient: OpenKosyncClient,
  { signal, progress }: Running,
): Promise<PutBackResult[]> {
  if (put_backs.length === 0) return [];
  // What undo puts back is news to nobody.
  const device_id = `${again ? PUSH_DEVICE_PREFIX : OWN_DEVICE_PREFIX}${library_id}`;
  const client = await openClient(account);
  try {
    const { turns, ended } = await inTurn({
      items: put_backs,
      client,
      signal,
      writes: true,
      // Two of them may be about one document, and the later one rests on what the earlier one left.
      at_once: 1,
      act: (put_back, stop) => undoOne(client, put_back, device_id, stop),
      onDone: (done) => progress(done, put_backs.length, "pushing"),
    });
    return put_backs.map((put_back, index) => {
      const turn = turns[index];
      if (turn?.status === "word") return { put_back, ...turn.value };
      const error = turn?.status === "failed" ? turn.error : (ended ?? new SyncError("Cancelled"));
      const reason = why("answer_failed", { document: put_back.document, ...troubleOf(error) });
      return { put_back, outcome: "failed", timestamp: null, why: reason };
    });
  } finally {
    await client.close();
  }
}

async function undoOne(
  client: KosyncClient,
  put_back: PutBack,
  device_id: string,
  signal: AbortSignal,
): Promise<Omit<PutBackResult, "put_back">> {
  const { document } = put_back;
  const step = planUndoPush(put_back, await client.getProgress(document, signal));
  if (step.does === "nothing") return { outcome: step.outcome, timestamp: null, why: step.why };
  if (step.does === "leave") return { outcome: "left", timestamp: null, why: step.why };
  if (step.does === "remove") {
    if (await client.removeDocument(document, signal)) return { outcome: "removed", timestamp: null, why: step.why };
    return { outcome: "left", timestamp: null, why: why("push_stays", { document }) };
  }
  const { progress, percentage } = step;
  const record = { document, progress, percentage, device: CALIBRE_DEVICE, device_id };
  const { timestamp } = await client.putProgress(record, signal);
  return { outcome: "restored", timestamp, why: step.why };
}
