import type { Conflict, PullPlan } from "../model/plan.ts";
import type { ConflictPolicy } from "../model/profile.ts";
import { why } from "../model/why.ts";

/** Whose side a policy takes in a conflict that the profile left open; null when even the policy cannot say. */
function sideOf({ theirs, why: asked }: Conflict, policy: ConflictPolicy): Conflict["side"] {
  const { from, changed_at: changedAt } = asked.data;
  switch (policy) {
    case "ask":
      return null;
    case "server":
      return "theirs";
    case "library":
      return "ours";
    case "furthest":
      if (typeof from !== "number") return null;
      return theirs.percentage >= from ? "theirs" : "ours";
    case "newest":
      // A larger step back is newer too, and often wrong all the same: a first page opened, an offline queue drained late.
      if (asked.code === "step_back") return null;
      // Reading a finished book again is newer by definition; between two changes their times decide.
      if (asked.code === "reread_ask") return theirs.timestamp === null ? null : "theirs";
      if (typeof changedAt !== "number" || theirs.timestamp === null) return null;
      return theirs.timestamp > changedAt ? "theirs" : "ours";
    default:
      return policy satisfies never;
  }
}

/** A larger step back that was decided for the server is not told in the words of one that is asked about. */
function settled(conflict: Conflict, side: Conflict["side"]): Conflict {
  if (side !== "theirs" || conflict.why.code !== "step_back") return { ...conflict, side };
  const { percentage = null, from = null, device = null, timestamp = null } = conflict.why.data;
  const chosen = why("step_back_chosen", { percentage, from, device, timestamp });
  const updates = conflict.updates.map((update) =>
    update.why.code === "step_back" ? { ...update, why: chosen } : update,
  );
  return { ...conflict, side, why: chosen, updates };
}

/**
 * Decides the conflicts of a plan by the word of the reader, who gave `--policy` on the command line. A larger step back
 * is taken only for a policy that names a side; under `newest` it stays open, as all that a policy cannot decide.
 */
export function settleConflicts(plan: PullPlan, policy: ConflictPolicy): PullPlan {
  return { ...plan, conflicts: plan.conflicts.map((conflict) => settled(conflict, sideOf(conflict, policy))) };
}
