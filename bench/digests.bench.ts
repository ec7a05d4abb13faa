import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestBooks } from "../src/app/digest-books.ts";
import { SAMPLE_OFFSETS } from "../src/core/digest.ts";
import { createBookFiles } from "../src/io/books/files.ts";

const COUNT = 10_000;
const ROUNDS = 5;

/** The floor: the same reads in C, without any MD5. Prints milliseconds and the bytes read, for each round. */
const FLOOR_C = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static const off_t at[12] = {0, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456, 1073741824};
int main(int argc, char **argv) {
  char line[4096], buffer[1024];
  for (int round = 0; round < ${ROUNDS}; round++) {
    FILE *list = fopen(argv[1], "r");
    struct timespec a, b;
    long total = 0;
    clock_gettime(CLOCK_MONOTONIC, &a);
    while (fgets(line, sizeof line, list)) {
      line[strcspn(line, "\\n")] = 0;
      int file = open(line, O_RDONLY);
      for (int i = 0; i < 12; i++) {
        ssize_t got = pread(file, buffer, 1024, at[i]);
        if (got <= 0) break;
        total += got;
      }
      close(file);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    fclose(list);
    printf("%f %ld\\n", (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6, total);
  }
  return 0;
}
`;

/** The same floor where no C compiler is at hand. */
const FLOOR_PYTHON = `
import os, sys, time
at = [0] + [1024 * 4 ** i for i in range(11)]
for _ in range(${ROUNDS}):
    a, total = time.perf_counter(), 0
    for line in open(sys.argv[1], encoding="utf-8"):
        file = os.open(line[:-1], os.O_RDONLY)
        for offset in at:
            got = len(os.pread(file, 1024, offset))
            if not got: break
            total += got
        os.close(file)
    print((time.perf_counter() - a) * 1e3, total)
`;

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-bench-"));
const paths = Array.from({ length: COUNT }, (_, i) => join(folder, `${i}.epub`));
const list = join(folder, "list.txt");

beforeAll(() => {
  // Books of 20 KB to 20 MB, sparse, so that ten thousand of them fit anywhere; the samples themselves hold something.
  for (const [i, path] of paths.entries()) {
    const size = Math.floor(20_000 * 10 ** ((i % 100) / 33));
    const file = openSync(path, "w");
    ftruncateSync(file, size);
    for (const offset of SAMPLE_OFFSETS) if (offset + 16 <= size) writeSync(file, `book ${i}`.padEnd(16), offset);
    closeSync(file);
  }
  writeFileSync(list, `${paths.join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Milliseconds of each round, of C where there is a compiler. */
function measureFloor(): { language: string; rounds: number[] } {
  const source = join(folder, "floor.c");
  writeFileSync(source, FLOOR_C);
  const built = spawnSync("gcc", ["-O2", "-o", join(folder, "floor"), source]).status === 0;
  const output = built
    ? execFileSync(join(folder, "floor"), [list], { encoding: "utf8" })
    : execFileSync("python3", ["-c", FLOOR_PYTHON, list], { encoding: "utf8" });
  const rounds = output
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[0]));
  return { language: built ? "C" : "Python", rounds };
}

test(`digests of ${COUNT} files, against the bare reads of the same bytes`, async () => {
  const files = createBookFiles();
  // Once unmeasured, so that neither side pays for the cold cache.
  await digestBooks(paths, files);
  const floor = measureFloor();
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    const found = await digestBooks(paths, files);
    ours.push(performance.now() - began);
    expect(found.filter((entry) => "error" in entry)).toEqual([]);
  }
  const ratio = median(ours) / median(floor.rounds);
  console.log(
    `digests of ${COUNT} files: ${median(ours).toFixed(0)} ms with MD5, bare reads in ${floor.language} ` +
      `${median(floor.rounds).toFixed(0)} ms, ratio ${ratio.toFixed(2)}`,
  );
  expect(ratio).toBeLessThan(15);
});
