/**
 * The coordinate both trees share: the n-th non-whitespace code point of a spine file's body, counted from 0.
 * Whitespace is everything up to U+0020; a no-break space is a character, as it is for crengine and for calibre.
 */

/** How many non-whitespace code points stand in `text` between two UTF-16 indices. */
export function countCharacters(text: string, from = 0, to = text.length): number {
  let count = 0;
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at);
    // The second half of a surrogate pair belongs to the character already counted.
    if (unit > 0x20 && (unit & 0xfc00) !== 0xdc00) count += 1;
  }
  return count;
}

/** The UTF-16 index of the `n`-th non-whitespace code point (from 0); the length of the text when it has fewer. */
export function indexOfCharacter(text: string, n: number, from = 0): number {
  let left = n;
  for (let at = from; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit > 0x20 && (unit & 0xfc00) !== 0xdc00) {
      if (left === 0) return at;
      left -= 1;
    }
  }
  return text.length;
}

/** Whether nothing but space, tab, CR and LF stands in `text`: crengine's notion of empty. */
export function isBlank(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return false;
  }
  return true;
}

/** UTF-16 units of the character at an index: 2 for a surrogate pair. */
export function widthAt(text: string, at: number): number {
  const isPair = (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
  return isPair ? 2 : 1;
}

/** Turns an offset in code points into one in UTF-16 units; null beyond the end. */
export function unitsOf(text: string, codePoints: number): number | null {
  if (codePoints > text.length) return null;
  let units = 0;
  for (let left = codePoints; left > 0; left -= 1) {
    if (units >= text.length) return null;
    units += widthAt(text, units);
  }
  return units;
}

/** Turns an offset in UTF-16 units into one in code points. */
export function codePointsOf(text: string, units: number): number {
  let pairs = 0;
  for (let at = 1; at < units; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) pairs += 1;
  }
  return units - pairs;
}
