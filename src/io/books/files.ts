import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { BookFiles } from "../../app/ports.ts";
import { SAMPLE_OFFSETS, SAMPLE_SIZE, filenameDigest, samplesOf } from "../../core/digest.ts";
import { md5OfBytes } from "../../core/md5.ts";
import type { Digest } from "../../model/digest.ts";
import { SyncError } from "../../model/error.ts";

/** How long digests may follow each other before other work gets its turn, in milliseconds. */
const SLICE_MS = 16;

/** MD5 by OpenSSL; the plain one where OpenSSL refuses MD5, as it does in FIPS mode. */
function chooseMd5(): (bytes: Uint8Array) => Digest {
  try {
    createHash("md5");
    return (bytes) => createHash("md5").update(bytes).digest("hex");
  } catch {
    return md5OfBytes;
  }
}

/** Reads KOReader's samples into `into` and returns how many bytes they are; a file that shrinks meanwhile gives fewer. */
function readSamples(path: string, size: number, into: Uint8Array): number {
  const file = openSync(path, "r");
  try {
    let filled = 0;
    for (const { offset, length } of samplesOf(size)) {
      let done = 0;
      while (done < length) {
        const got = readSync(file, into, filled, length - done, offset + done);
        if (got === 0) return filled;
        filled += got;
        done += got;
      }
    }
    return filled;
  } finally {
    closeSync(file);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}

/**
 * The digests of files on this machine. Reads are synchronous, because twelve small reads of a file are several times
 * faster so than through promises; after 16 ms of them the event loop gets its turn, and a cancel is heard.
 */
export function createBookFiles(): BookFiles {
  const md5 = chooseMd5();
  const samples = new Uint8Array(SAMPLE_OFFSETS.length * SAMPLE_SIZE);
  let sliceBegan = performance.now();

  return {
    async digest(path, signal) {
      if (performance.now() - sliceBegan > SLICE_MS) {
        await setImmediate();
        sliceBegan = performance.now();
      }
      if (signal?.aborted === true) throw new SyncError("Cancelled");
      try {
        const stat = statSync(path);
        // Asked before opening: opening a pipe would wait for its writer.
        if (!stat.isFile()) throw new SyncError("BookUnreadable", { path, reason: "ENOTFILE" });
        const length = readSamples(path, stat.size, samples);
        return {
          path,
          size: stat.size,
          partial_md5: md5(samples.subarray(0, length)),
          filename: filenameDigest(basename(path)),
        };
      } catch (error) {
        if (error instanceof SyncError) throw error;
        throw new SyncError("BookUnreadable", { path, reason: reasonOf(error) });
      }
    },
  };
}
