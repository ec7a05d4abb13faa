/** The encoding a text file names itself: by its byte order mark, its XML declaration or its `meta`; null for none. */
function namedEncoding(bytes: Uint8Array): string | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 2048)).toString("latin1");
  const declared = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1];
  const meta = /<meta[^>]*?charset\s*=\s*["']?([\w.:-]+)/i.exec(head)?.[1];
  return declared ?? meta ?? null;
}

function decodeAs(encoding: string, bytes: Uint8Array, fatal: boolean): string | null {
  try {
    return new TextDecoder(encoding, { fatal }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Text of an XML, HTML or CSS file: UTF-8 wherever it is valid, else what the file itself names, else Windows-1252.
 * Never throws; bytes that mean nothing become U+FFFD.
 */
export function decodeText(bytes: Uint8Array): string {
  const named = namedEncoding(bytes);
  if (named?.startsWith("utf-16") === true && bytes[1] !== 0x3f) {
    const text = decodeAs(named, bytes, false);
    if (text !== null) return text;
  }
  return (
    decodeAs("utf-8", bytes, true) ??
    (named === null || /^utf-?8$/i.test(named) ? null : decodeAs(named, bytes, false)) ??
    decodeAs("windows-1252", bytes, false) ??
    ""
  );
}
