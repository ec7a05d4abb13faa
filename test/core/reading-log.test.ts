import * as fc from "fast-check";
import { expect, test } from "vitest";
import { exportCsv, exportJson, tellReading } from "../../src/core/reading-log.ts";
import type { Observation } from "../../src/model/plan.ts";
import { DAY, record, RULES, T0 } from "./samples.ts";

function log(...points: readonly (readonly [day: number, percentage: number, device?: string])[]): Observation[] {
  return points.map(([day, percentage, device = "Kobo"]) => ({
    book_id: 1,
    at: T0 + day * DAY + 600,
    progress: record({ percentage, device, device_id: device, timestamp: T0 + day * DAY }),
  }));
}

test("a book read to its end in four days tells so", () => {
  expect(tellReading(log([0, 0.1], [1, 0.4], [1.1, 0.5], [3, 1]), RULES, null)).toMatchObject({
    days: ["2026-01-01", "2026-01-02", "2026-01-04"],
    readings: [{ started: T0, finished: T0 + 3 * DAY, days: 3 }],
    times_read: 1,
    time_to_finish: 3 * DAY,
  });
});

test("a re-read is a reading of its own with its own dates", () => {
  const story = tellReading(log([0, 0.2], [2, 1], [10, 0.05], [11, 0.3], [14, 0.995]), RULES, null);
  expect(story.readings).toEqual([
    { started: T0, finished: T0 + 2 * DAY, days: 2 },
    { started: T0 + 10 * DAY, finished: T0 + 14 * DAY, days: 3 },
  ]);
  expect(story.times_read).toBe(2);
});

test("looking something up in a finished book is no second reading", () => {
  expect(tellReading(log([0, 0.2], [2, 1], [5, 0.3], [6, 0.31], [7, 1]), RULES, null).times_read).toBe(1);
});

test("peeks and our own records are no reading", () => {
  const [own] = log([1, 0.9]);
  if (own !== undefined) own.progress.device_id = "calibre-koreader-progress-1";
  const all = [...log([0, 0.5], [2, 0.001]), ...(own === undefined ? [] : [own])];
  expect(tellReading(all, RULES, null).points).toHaveLength(1);
});

test("a day is the reader's own day", () => {
  const late = log([0.99, 0.5]);
  expect(tellReading(late, RULES, null).days).toEqual(["2026-01-01"]);
  expect(tellReading(late, RULES, "Asia/Tokyo").days).toEqual(["2026-01-02"]);
  expect(tellReading(late, RULES, "Nowhere/Land").days).toEqual(["2026-01-01"]);
});

test("a book met finished has no start and no time to finish", () => {
  expect(tellReading(log([0, 1]), RULES, null)).toMatchObject({
    readings: [{ started: null, finished: T0, days: 1 }],
    time_to_finish: null,
  });
});

test("CSV survives commas, quotes, line ends and formulas in titles", () => {
  const book = { uuid: "u", authors: ["A", "B"], observations: log([0, 0.25, "My, Kobo"]) };
  const text = exportCsv([{ ...book, title: '=HYPERLINK("http://evil")\n' }]);
  expect(text.split("\r\n")[0]).toBe("title,authors,uuid,read_at,heard_at,percentage,device,document,progress");
  expect(text).toContain('"\'=HYPERLINK(""http://evil"")\n",A & B,u,2026-01-01T00:00:00+00:00,');
  expect(text).toContain(',0.25,"My, Kobo",');
});

test("JSON holds every observation as it was heard", () => {
  const observations = log([0, 0.25], [1, 1]);
  const text = exportJson([{ uuid: "u", title: "T", authors: ["A"], observations }], RULES, null);
  const [first, second] = observations.map(({ progress }) => progress);
  expect(JSON.parse(text)).toMatchObject([
    { title: "T", story: { times_read: 1 }, observations: [{ at: T0 + 600, ...first }, { ...second }] },
  ]);
});

test("whatever was heard, each finished reading ends after it started, and each day is said once", () => {
  const point = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), (points) => {
      const story = tellReading(log(...points), RULES, "Europe/Berlin");
      expect(
        story.readings.filter(({ started, finished }) => started !== null && finished !== null && started > finished),
      ).toEqual([]);
      expect(story.days).toEqual([...new Set(story.days)].toSorted());
      expect(story.times_read).toBeLessThanOrEqual(points.filter(([, far]) => far >= RULES.finish_at).length);
    }),
  );
});
