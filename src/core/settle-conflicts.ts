import type { Conflict, PullPlan } from "../model/plan.ts";
import type { ConflictPolicy } from "../model/profile.ts";

/** Whose side a policy takes in a conflict that the profile left open; null when even the policy cannot say. */
function sideOf({ theirs, why }: Conflict, policy: ConflictPolicy): Conflict["side"] {
  const { from, changed_at: changedAt } = why.data;
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
      // What only went back is newer by definition; between two changes their times decide.
      if (why.code === "step_back" || why.code === "reread_ask") return theirs.timestamp === null ? null : "theirs";
      if (typeof changedAt !== "number" || theirs.timestamp === null) return null;
      return theirs.timestamp > changedAt ? "theirs" : "ours";
    default:
      return policy satisfies never;
  }
}

/**
 * Decides the conflicts of a plan by the word of the reader, who was shown them or gave `--policy` on the command line:
 * here a larger step back is taken too, because it was asked for. What even the policy cannot decide stays open.
 */
export function settleConflicts(plan: PullPlan, policy: ConflictPolicy): PullPlan {
  return { ...plan, conflicts: plan.conflicts.map((conflict) => ({ ...conflict, side: sideOf(conflict, policy) })) };
}
