/** What calibre's own viewer would paint: its program follows the ends of a highlight in the very file, in a browser. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import * as fc from "fast-check";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { placeAnnotation } from "../../../src/app/book/annotations.ts";
import { normalised } from "../../../src/core/position/calibre-source.ts";
import { fold } from "../../../src/core/highlights/folded.ts";
import { openBookArchive } from "../../../src/io/books/epub.ts";
import { withBook } from "../../support/converting.ts";
import { select } from "../../support/highlights.ts";
import { evidence, temporaryFolder } from "../../support/positions.ts";

const RUNS = 300;
/** Where a Debian calibre has its viewer's program. */
const VIEWER = "/usr/share/calibre/viewer.js";
/** How a module of it ends. */
const END = "\n    })();";
/** With it a browser knows the names of characters in XML too, as calibre does. */
const DOCTYPE =
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">';
const folder = temporaryFolder();

/** Of calibre's viewer nothing but what follows CFIs: `rangeFromCfi(start, end)`. */
function cfiProgram(): string {
  const program = readFileSync(VIEWER, "utf8");
  const modules = "var ρσ_modules = {};";
  const base = program.slice(0, program.indexOf(modules) + modules.length);
  const name = program.indexOf('var __name__ = "read_book.cfi"');
  const [from, to] = [program.lastIndexOf("(function(){", name), program.indexOf(END, name)];
  const viewport = 'ρσ_modules["read_book.viewport"] = { scroll_viewport: {}, rem_size: () => 16 };';
  const own = 'ρσ_modules["read_book.cfi"] = {};';
  const cfi = program.slice(from, to + END.length);
  return `${base}${viewport}${own}${cfi}window.rangeFromCfi = ρσ_modules["read_book.cfi"].range_from_cfi;})();`;
}

interface Ends {
  readonly words: string;
  readonly start_cfi: string;
  readonly end_cfi: string;
}

describe.skipIf(!existsSync(VIEWER))("calibre's own viewer", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env["KOREADER_PROGRESS_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    });
  });
  afterAll(() => browser?.close());

  /** What lies between each pair of ends in a file. */
  async function between(source: string, ends: readonly Ends[]): Promise<(string | null)[]> {
    const path = join(folder, "file.xhtml");
    const shown = normalised(source);
    // The viewer's page always has a head.
    const whole = shown.includes("<head") ? shown : shown.replace("<body", "<head></head><body");
    writeFileSync(path, `${DOCTYPE}${whole}`);
    const page = await browser.newPage();
    try {
      await page.goto(`file://${path}`);
      await page.evaluate(cfiProgram());
      const script = `(${JSON.stringify(ends)}).map(({ start_cfi, end_cfi }) => {
        const range = window.rangeFromCfi(start_cfi, end_cfi);
        return range ? range.toString() : null;
      })`;
      return await page.evaluate(script);
    } finally {
      await page.close();
    }
  }

  test.each(["alice.epub", "torture.epub"])("paints in %s nothing but the words that were marked", async (name) => {
    const found = new Map<string, Ends[]>();
    await withBook(evidence(name), async (book) => {
      const end = fc.tuple(fc.nat(), fc.nat());
      for (const [file, from, to] of fc.sample(fc.tuple(fc.nat(), end, end), RUNS)) {
        const index = file % book.spine.length;
        const trees = await book.trees(index);
        const annotation = "refused" in trees ? null : select(trees.crengine, index + 1, from, to);
        const place = annotation === null ? null : await placeAnnotation(book, annotation);
        if (annotation === null || place?.status !== "highlight") continue;
        const ends = found.get(place.spine_name) ?? [];
        ends.push({ words: annotation.text ?? "", start_cfi: place.start_cfi, end_cfi: place.end_cfi });
        found.set(place.spine_name, ends);
      }
    });
    const archive = await openBookArchive(evidence(name));
    let painted = 0;
    for (const [file, ends] of found) {
      const told = await between(await archive.read(file), ends);
      expect(told.map((text) => fold(text ?? ""))).toEqual(ends.map(({ words }) => fold(words)));
      painted += ends.length;
    }
    await archive.close();
    expect(painted).toBeGreaterThan(RUNS / 6);
  });
});
