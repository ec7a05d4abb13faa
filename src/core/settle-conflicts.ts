import type { Conflict, Declined, PullPlan } from "../model/plan.ts";
import type { ConflictPolicy } from "../model/profile.ts";

/** A plan whose conflicts were decided as far as the policy can, and what was decided for the library. */
export interface SettledPlan {
  plan: PullPlan;
  /** By book id: to be kept as declined, so that the same question is not asked again. */
  declined: { book_id: number; declined: Declined }[];
  /** Books whose conflict was decided for the server; their updates and bases are part of the plan now. */
  theirs: number[];
}

/** Whose side a policy takes in a conflict that the profile left open; null when even the policy cannot say. */
function sideOf({ theirs, why }: Conflict, policy: ConflictPolicy): "theirs" | "ours" | null {
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
 * here a larger step back is taken too, because it was asked for. `now` is epoch seconds.
 */
export function settleConflicts(plan: PullPlan, policy: ConflictPolicy, now: number): SettledPlan {
  const settled: SettledPlan = {
    plan: { ...plan, updates: [...plan.updates], bases: [...plan.bases], conflicts: [] },
    declined: [],
    theirs: [],
  };
  for (const conflict of plan.conflicts) {
    const { book_id, theirs, updates, base } = conflict;
    const side = sideOf(conflict, policy);
    if (side === null) settled.plan.conflicts.push(conflict);
    else if (side === "theirs") {
      settled.plan.updates.push(...updates);
      settled.plan.bases.push(base);
      settled.theirs.push(book_id);
    } else {
      const { document, percentage, progress, timestamp } = theirs;
      settled.declined.push({ book_id, declined: { document, percentage, progress, timestamp, at: now } });
    }
  }
  return settled;
}
