/** The text of an answer's body, unpacked where a server packed it although nobody asked for that. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";

type Unpack = (packed: Buffer, limits: { maxOutputLength: number }) => Promise<Buffer>;

const unpackers: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  // Half of all servers mean the one, half the other.
  deflate: (packed, limits) => promisify(inflate)(packed, limits).catch(() => promisify(inflateRaw)(packed, limits)),
  br: promisify(brotliDecompress),
};

/**
 * UTF-8 text of at most `most` bytes; rejects with zlib's own errors where the body is cut off or holds more. What is
 * packed in a way of its own stays as it is.
 */
export async function bodyText(body: Buffer, encoding: string | null, most: number): Promise<string> {
  let bytes = body;
  // The last coding named was put on last.
  const codings = (encoding ?? "").toLowerCase().split(",").toReversed();
  for (const coding of codings.slice(0, 3)) {
    const unpack = unpackers[coding.trim()];
    if (unpack !== undefined && bytes.length > 0) bytes = await unpack(bytes, { maxOutputLength: most });
  }
  return new TextDecoder().decode(bytes);
}
