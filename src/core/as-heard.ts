import type { Answer, Book } from "../model/plan.ts";
import { isOwn } from "./peek.ts";

/**
 * The answers, where a record of ours that repeats what was heard under the same document counts as what was heard, with
 * its own time and device: what undo puts back is the earlier record again, and no news.
 */
export function asHeard({ observations }: Book, answers: readonly Answer[]): Answer[] {
  return answers.map((answer) => {
    const { document, progress, percentage } = answer.progress;
    if (!isOwn(answer.progress)) return answer;
    const heard = observations.findLast(
      (seen) =>
        seen.progress.document === document &&
        seen.progress.progress === progress &&
        seen.progress.percentage === percentage &&
        !isOwn(seen.progress),
    );
    return heard === undefined ? answer : { ...answer, progress: heard.progress };
  });
}
