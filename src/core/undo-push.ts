import type { Progress } from "../model/progress.ts";
import type { PutBack } from "../model/push.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { isByCalibre } from "./peek.ts";
import { NOISE } from "./read-throughs.ts";

/** What undoing does to one document: put the earlier place back, take ours away, or leave what stands there; `nothing` when it is as before. */
export type UndoStep =
  | { does: "nothing"; outcome: "restored" | "removed"; why: Why }
  | { does: "put"; progress: string; percentage: number; why: Why }
  | { does: "remove"; why: Why }
  | { does: "leave"; why: Why };

type Place = Pick<Progress, "progress" | "percentage">;

function isPlaceOf(one: Place, other: Place): boolean {
  return one.progress === other.progress && Math.abs(one.percentage - other.percentage) <= NOISE;
}

/** Whether what we left under the document is what stands there: a device that has followed to it has made it its own. */
function stillStands({ ours }: PutBack, current: Progress | null): boolean {
  if (ours === null || current === null) return ours === null && current === null;
  return isPlaceOf(ours, current) && (current.device_id === null || isByCalibre(current));
}

/** Decides how one write of ours is taken back, `current` being what stands there now. Nothing newer is ever replaced. */
export function planUndoPush(putBack: PutBack, current: Progress | null): UndoStep {
  const { document, before } = putBack;
  const removed = why("push_removed", { document });
  const restored = why("push_undone", { document });
  // An answer that was lost on its way, or somebody else's undo.
  if (current === null && before === null) return { does: "nothing", outcome: "removed", why: removed };
  if (current !== null && before !== null && isByCalibre(current) && isPlaceOf(before, current))
    return { does: "nothing", outcome: "restored", why: restored };
  if (!stillStands(putBack, current)) {
    const { device = null, timestamp = null } = current ?? {};
    return { does: "leave", why: why("push_superseded", { document, device, timestamp }) };
  }
  if (before === null || before.progress === "") return { does: "remove", why: removed };
  const { progress, percentage } = before;
  return { does: "put", progress, percentage, why: restored };
}
