import { TreeRefused } from "./tree.ts";

/** What entities may add to a file, in UTF-16 units. */
const LARGEST_GROWTH = 10_000_000;

/** Entities that a document declares for itself; calibre puts their text in before it parses. */
function withOwnEntities(source: string): string {
  const root = source.search(/<html/i);
  const head = root === -1 ? "" : source.slice(0, Math.min(root, 20_000));
  if (!head.includes("<!DOCTYPE") || !head.includes("<!ENTITY")) return source;
  const own = new Map<string, string>();
  for (const [, name, value] of head.matchAll(/<!ENTITY\s+(\S+)\s+([^>]+)/g)) {
    if (name !== undefined && value !== undefined) own.set(name, value.replace(/^"(.*)"$/s, "$1"));
  }
  let left = LARGEST_GROWTH;
  return source.slice(root).replaceAll(/&([^\s;&]{1,64});/g, (whole, name: string) => {
    const value = own.get(name);
    if (value === undefined || value.length > 1000) return whole;
    left -= value.length;
    if (left < 0) throw new TreeRefused("too_large");
    return value;
  });
}

/** What calibre does with a file before parsing: line ends unified, everything before `<html` gone. */
export function normalised(source: string): string {
  const own = withOwnEntities(source);
  const text = (own.includes("\r") ? own.replaceAll(/\r\n?/g, "\n") : own).replaceAll("\0", "");
  const root = /<\s*html/i.exec(text.slice(0, 2048));
  return root === null ? text : text.slice(root.index);
}
