/** What a sync of annotations would do, and what came of it, in lines. */
import process from "node:process";
import type { AnnotationReport } from "../model/library.ts";
import type { AnnotationPlan, AnnotationWrite } from "../model/native-annotation.ts";

const WHY: Readonly<Record<AnnotationWrite["why"], string>> = {
  new: "new",
  changed: "changed",
  moved: "in another format now",
  removed: "removed on the reader",
};

const BY: Readonly<Record<NonNullable<AnnotationWrite["by"]>, string>> = {
  ends: "its very words",
  search: "its words, found elsewhere",
  place: "its page",
};

/** So much of a text tells which one it is. */
const SHOWN = 60;

/** A line for each annotation that is written, asked about, or left, under its book. */
export function tellPlans(plans: readonly AnnotationPlan[], titles: ReadonlyMap<number, string>): void {
  for (const { book_id, writes, asked, left } of plans) {
    if (writes.length + asked.length + left.length === 0) continue;
    const lines = [
      `${titles.get(book_id) ?? ""} (${book_id})`,
      ...writes.map((write) => `  ${WHY[write.why]}${write.by === null ? "" : `, ${BY[write.by]}`}: ${shown(write)}`),
      ...asked.map(
        (write) => `  removed on the reader, with too many others; --deletions all follows: ${shown(write)}`,
      ),
      ...left.map((one) => `  not placed, ${one.reason}: ${shown(one)}`),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}

function shown({ text, chapter, page_label }: Pick<AnnotationWrite, "text" | "chapter" | "page_label">): string {
  const words = (text ?? chapter ?? page_label ?? "").replaceAll(/\s+/g, " ");
  const letters = Array.from(words);
  return letters.length > SHOWN ? `${letters.slice(0, SHOWN).join("")}…` : words;
}

/** How a run ended: 0, or 1 where something was left as it is. */
export function tellReport({ run, written, stale }: AnnotationReport, done: string): number {
  const left = stale === 0 ? "" : `, ${stale} left alone: changed in calibre since`;
  process.stdout.write(run === null ? "Nothing new.\n" : `${written} ${done}${left}. Run ${run}.\n`);
  return stale === 0 ? 0 : 1;
}
