/**
 * What a file inside an archive is called: one rule for the names of entries and for the references to them, kept the
 * same in `archive_names.py` by the vectors in `test/fixtures/content-key-vectors.json`.
 *
 * Accents are put together (NFC: macOS takes them apart), references are percent-decoded as UTF-8, backslashes are
 * slashes, blanks around a name do not count, `.` and `..` are resolved. Capital and small letters differ.
 */
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** Code page 437 from 0x80 on: what a name is in that is neither marked nor valid as UTF-8. */
const CP437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** A name as the archive's directory has it; `isUtf8` is its flag, which many programs forget to set. */
export function entryName(raw: Uint8Array, isUtf8: boolean): string {
  try {
    return cleanName(strict.decode(raw));
  } catch {
    return cleanName(isUtf8 ? lenient.decode(raw) : fromCp437(raw));
  }
}

/** The same name with U+FFFD for what is no UTF-8, as a reference to it decodes; null where nothing is lost. */
export function brokenName(raw: Uint8Array): string | null {
  const name = lenient.decode(raw);
  return name.includes("\ufffd") ? cleanName(name) : null;
}

/** Resolves a reference inside the archive: relative to a file, percent-decoded, without fragment. */
export function resolveName(href: string, base: string): string {
  const [path = ""] = href.split("#", 1);
  const decoded = percentDecoded(trimBlanks(path)).replaceAll("\\", "/");
  const folder = decoded.startsWith("/") ? "" : base.slice(0, base.lastIndexOf("/") + 1);
  return cleanName(folder + trimBlanks(decoded));
}

/** A path inside the archive in its one form. */
export function cleanName(path: string): string {
  const parts: string[] = [];
  for (const part of trimBlanks(path).replaceAll("\\", "/").split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/").normalize("NFC");
}

function trimBlanks(text: string): string {
  return text.replace(/^[\t\n\f\r ]+/, "").replace(/(?<![\t\n\f\r ])[\t\n\f\r ]+$/, "");
}

/** Text with each `%XX` replaced by its byte, read as UTF-8; what is no such triple stays. */
function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  const bytes = encoder.encode(text);
  const decoded = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    const triple =
      byte === 0x25 ? /^[0-9a-f]{2}$/i.exec(String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0)) : null;
    decoded[length] = triple === null ? byte : Number.parseInt(triple[0], 16);
    length += 1;
    if (triple !== null) at += 2;
  }
  return lenient.decode(decoded.subarray(0, length));
}

function fromCp437(raw: Uint8Array): string {
  return Array.from(raw, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : (CP437[byte - 0x80] ?? ""))).join("");
}
