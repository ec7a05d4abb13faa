export { column, profileOf, RULES } from "../support/models.ts";
import { bookOf } from "../support/models.ts";
import type { DigestSource } from "../../src/model/digest.ts";
import type { Answer, Book, Reading } from "../../src/model/plan.ts";
import type { Progress } from "../../src/model/progress.ts";

/** Epoch seconds of a day in 2026, so that test cases can speak in small numbers of days. */
export const DAY = 86_400;
export const T0 = 1_767_225_600;

/** What a server said of a document. */
export function record(more: Partial<Progress> = {}): Progress {
  return {
    document: "a".repeat(32),
    percentage: 0.4,
    progress: "/body/DocFragment[3]/body/p[7]/text().12",
    device: "Kobo",
    device_id: "K1",
    timestamp: T0,
    ...more,
  };
}

/** A record with the digest that it answered. */
export function answerOf(
  more: Partial<Progress> & { source?: DigestSource; content_key?: string | null; place?: string | null } = {},
): Answer {
  const { source = "sent", content_key = null, place = null, ...rest } = more;
  const progress = record(rest);
  return {
    progress,
    place,
    candidate: {
      digest: progress.document,
      kind: "partial_md5",
      source,
      format: "EPUB",
      name: null,
      size: null,
      content_key,
      device: null,
      first_seen: T0,
      last_seen: T0,
      answered: null,
    },
  };
}

/** A book with what the server said of it. */
export function readingOf(more: Partial<Book> & { records?: Parameters<typeof answerOf>[0][] }): Reading {
  const { records = [{}], ...book } = more;
  return {
    book: bookOf({ cells: { "#pct": null, "#status": null }, ...book }),
    answers: records.map((each) => answerOf(each)),
  };
}
