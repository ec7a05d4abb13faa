import type { ElementNode, Tree } from "./tree.ts";
import { resolveName } from "./archive-name.ts";
import { readElements } from "./package.ts";

/** One entry of a table of contents, in reading order. */
export interface TocEntry {
  readonly title: string;
  /** The file it leads to, and the element in it; null for the file's beginning. */
  readonly name: string;
  readonly id: string | null;
}

function entry(title: string, href: string, base: string): TocEntry | null {
  const text = title.replaceAll(/\s+/g, " ").trim();
  if (text === "") return null;
  const hash = href.indexOf("#");
  const id = hash === -1 ? null : href.slice(hash + 1);
  return { title: text, name: href.startsWith("#") ? base : resolveName(href, base), id: id === "" ? null : id };
}

/** Entries of an EPUB 2 `toc.ncx`. */
export function readNcx(xml: string, name: string): TocEntry[] {
  const entries: TocEntry[] = [];
  let title = "";
  let isInLabel = false;
  for (const { name: element, attributes, text } of readElements(xml)) {
    if (element === "pageList") break;
    if (element === "navPoint") title = "";
    if (element === "navLabel") isInLabel = true;
    if (element === "text" && isInLabel) {
      title = text;
      isInLabel = false;
    }
    const found = element === "content" ? entry(title, attributes.get("src") ?? "", name) : null;
    if (found !== null) entries.push(found);
  }
  return entries;
}

function typeOf(attributes: ReadonlyMap<string, string>): string {
  return attributes.get("type") ?? "";
}

/** Entries of an EPUB 3 navigation document: the list of type `toc`, or else the first one. */
export function readNav(xml: string, name: string): TocEntry[] {
  const lists = new Map<string, TocEntry[]>();
  let current: TocEntry[] | null = null;
  for (const { name: element, attributes, inner } of readElements(xml)) {
    if (element === "nav") {
      current = [];
      lists.set(lists.has(typeOf(attributes)) ? `${lists.size}` : typeOf(attributes), current);
    }
    if (element !== "a" || current === null) continue;
    const found = entry(inner, attributes.get("href") ?? "", name);
    if (found !== null) current.push(found);
  }
  return lists.get("toc") ?? [...lists.values()][0] ?? [];
}

/** Where each id of a file stands: its ordinal. */
export function ordinalsOfIds({ root }: Tree): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const stack: ElementNode[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.id !== null && !found.has(node.id)) found.set(node.id, node.start);
    for (const child of node.children) if (child.kind === "element") stack.push(child);
  }
  return found;
}

const HEADING = /^h[1-6]$/;

/** The text of the heading that stands last at or before an ordinal; null where a file has none before it. */
export function headingBefore(tree: Tree, ordinal: number): string | null {
  let title = "";
  let heading: ElementNode | null = null;
  for (const node of tree.texts) {
    if (node.start > ordinal) break;
    let at: ElementNode | null = node.parent;
    while (at !== null && !HEADING.test(at.name) && at.name !== "title") at = at.parent;
    if (at === null || !at.visible) continue;
    if (at === heading) title += node.text;
    else if (node.end > node.start) {
      heading = at;
      title = node.text;
    }
  }
  return heading === null ? null : title.replaceAll(/\s+/g, " ").trim();
}
