import type { CfiStep } from "./cfi.ts";
import type { Package } from "./package.ts";

/** What most writers take for the spine's step without looking: it comes behind metadata and manifest. */
const USUAL_SPINE = 6;

/**
 * The index in the spine of the file that a standard CFI's path through the package names. An id in brackets wins over
 * the number beside it; one that no `itemref` has is of another book. Null where the path leads to no file.
 */
export function fileAtPath(
  { itemRefs, spineNth }: Pick<Package, "itemRefs" | "spineNth">,
  path: readonly CfiStep[],
): number | null {
  const [spine, item, ...more] = path;
  if (spine === undefined || item === undefined || more.length > 0) return null;
  if (spine.number !== USUAL_SPINE && spine.number !== spineNth * 2) return null;
  if (item.number % 2 === 1) return null;
  const numbered = itemRefs[item.number / 2 - 1];
  const { id } = item;
  // The standard means the id of the itemref; older web readers write that of its item.
  if (id === null || numbered?.id === id || numbered?.idref === id) return numbered?.index ?? null;
  const named = itemRefs.find((one) => one.id === id) ?? itemRefs.find(({ idref }) => idref === id);
  return named?.index ?? null;
}
