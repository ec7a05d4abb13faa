import SparkMD5 from "spark-md5";
import type { Digest } from "../model/digest.ts";

const encoder = new TextEncoder();

/** MD5 in lowercase hex of bytes, in plain JavaScript: the same in every runtime, and where OpenSSL refuses MD5. */
export function md5OfBytes(bytes: Uint8Array): Digest {
  // A copy of its own: spark-md5 takes whole buffers, and a view may show a part of a larger one.
  return SparkMD5.ArrayBuffer.hash(bytes.slice().buffer);
}

/** MD5 in lowercase hex of a text's UTF-8; a lone surrogate counts as U+FFFD instead of throwing. */
export function md5OfText(text: string): Digest {
  return md5OfBytes(encoder.encode(text));
}

/** What a kosync server knows instead of the password: KOReader sends the password's MD5 and never the password. */
export function userkeyOf(password: string): string {
  return md5OfText(password);
}
