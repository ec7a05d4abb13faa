import { cleanName, resolveName } from "./archive-name.ts";
import { storedText } from "./crengine-text.ts";
import { namedEntity, numericEntity } from "./entities.ts";
import { readTokens } from "./crengine-tokens.ts";

/** One entry of a book's spine. Names are paths inside the archive. */
export interface SpineItem {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly linear: boolean;
}

/** One `itemref` of the spine as it is written, also one whose item the manifest does not know. */
export interface ItemRef {
  readonly id: string | null;
  readonly idref: string;
  /** Index in `Package.spine`; null for an item that is not in the manifest. */
  readonly index: number | null;
}

/** What an EPUB's package document says, as far as positions need it. */
export interface Package {
  /** The name of the package document itself. */
  readonly name: string;
  readonly title: string | null;
  /** In document order, repeated and non-linear items included: crengine's fragments. */
  readonly spine: readonly SpineItem[];
  readonly itemRefs: readonly ItemRef[];
  /** The spine's place among the package's elements, from 1: nearly always 3. */
  readonly spineNth: number;
  /** EPUB 3 navigation document and EPUB 2 table of contents, where there is one. */
  readonly nav: string | null;
  readonly ncx: string | null;
  /** The page that calibre's viewer shows first, whatever its `linear` says. */
  readonly coverPage: string | null;
  /** Whether each reference of the spine leads to an item of the manifest, and all of them were read. */
  readonly isWhole: boolean;
  /** Names of the manifest's images, audio and video. */
  readonly media: readonly string[];
  /** Names that are declared as the cover, which calibre replaces. */
  readonly covers: ReadonlySet<string>;
}

/** An element of a small XML file: its own text, and the text of everything in it. */
export interface SmallElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly parent: SmallElement | null;
  text: string;
  inner: string;
}

function decoded(raw: string, cdata = false): string {
  return storedText(raw, { pre: false, cdata });
}

const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z][a-z0-9]{0,31}));/gi;

/** An attribute's value as XML has it: references decoded, each tab and line end a blank, no blanks taken together. */
function attributeValue(raw: string): string {
  return raw
    .replaceAll(/[\t\n\r]/g, " ")
    .replaceAll(REFERENCE, (all, decimal?: string, hexadecimal?: string, name?: string) => {
      if (name !== undefined) return namedEntity(name) ?? all;
      return numericEntity(decimal === undefined ? Number.parseInt(hexadecimal ?? "", 16) : Number(decimal));
    });
}

/** The elements of a small XML file in document order; namespaces dropped, references decoded. */
export function readElements(xml: string): SmallElement[] {
  const elements: SmallElement[] = [];
  const open: SmallElement[] = [];
  let attributes = new Map<string, string>();
  readTokens(xml, {
    keepsCase: () => true,
    open(name) {
      attributes = new Map();
      const element: SmallElement = { name, attributes, parent: open.at(-1) ?? null, text: "", inner: "" };
      if (elements.length < 200_000) elements.push(element);
      open.push(element);
    },
    attribute(name, value) {
      attributes.set(name, attributeValue(value));
    },
    body(_, empty) {
      if (empty) open.pop();
    },
    close(name) {
      if (open.at(-1)?.name === name) open.pop();
    },
    text(raw, isCdata) {
      const top = open.at(-1);
      if (top === undefined) return;
      const text = decoded(raw, isCdata);
      top.text += text;
      for (const element of open.slice(-6)) element.inner += text;
    },
  });
  return elements;
}

/**
 * The package document that `META-INF/container.xml` names, or null where the archive has none of that name. The path is
 * no reference: it is taken as it stands, and only decoded where nothing stands there.
 */
export function readContainer(xml: string, exists: (name: string) => boolean): string | null {
  const roots = readElements(xml).filter(({ name, attributes }) => name === "rootfile" && attributes.get("full-path"));
  const root =
    roots.find(({ attributes }) => attributes.get("media-type") === "application/oebps-package+xml") ?? roots[0];
  const path = root?.attributes.get("full-path") ?? "";
  return [cleanName(path), resolveName(path, "")].find((name) => name !== "" && exists(name)) ?? null;
}

/** Reads a package document; `name` is its own name in the archive. */
export function readPackage(xml: string, name: string): Package {
  const elements = readElements(xml);
  const byId = new Map<string, SpineItem & { href: string; properties: string[] }>();
  for (const { name: element, attributes } of elements) {
    if (element !== "item") continue;
    const id = attributes.get("id");
    const href = attributes.get("href");
    if (id === undefined || href === undefined || byId.has(id)) continue;
    const properties = (attributes.get("properties") ?? "").split(/\s+/);
    const mediaType = attributes.get("media-type") ?? "";
    byId.set(id, { id, href, name: resolveName(href, name), mediaType, linear: true, properties });
  }
  const spine: SpineItem[] = [];
  const itemRefs: ItemRef[] = [];
  let isWhole = true;
  for (const { name: element, attributes } of elements) {
    if (element !== "itemref") continue;
    const idref = attributes.get("idref") ?? "";
    const item = byId.get(idref);
    isWhole &&= item !== undefined;
    itemRefs.push({ id: attributes.get("id") ?? null, idref, index: item === undefined ? null : spine.length });
    if (item === undefined) continue;
    const { id, name: file, mediaType } = item;
    spine.push({ id, name: file, mediaType, linear: (attributes.get("linear") ?? "yes") === "yes" });
  }
  const items = [...byId.values()];
  const spineElement = elements.find(({ name: element }) => element === "spine");
  const siblings = elements.filter(({ parent }) => spineElement !== undefined && parent === spineElement.parent);
  const toc = spineElement?.attributes.get("toc");
  const cover = elements.find(
    ({ name: element, attributes }) => element === "reference" && attributes.get("type")?.toLowerCase() === "cover",
  );
  const coverName = resolveName(cover?.attributes.get("href") ?? "", name);
  const marked = items.find(({ properties }) => properties.includes("calibre:title-page"))?.name;
  return {
    name,
    title: elements.find(({ name: element, text }) => element === "title" && text !== "")?.text.trim() ?? null,
    spine,
    itemRefs,
    spineNth: spineElement === undefined ? 3 : siblings.indexOf(spineElement) + 1,
    nav: items.find(({ properties }) => properties.includes("nav"))?.name ?? null,
    ncx: (toc === undefined ? undefined : byId.get(toc)?.name) ?? items.find(isNcx)?.name ?? null,
    coverPage: marked ?? (coverName !== "" && spine[0]?.name === coverName ? coverName : null),
    isWhole: isWhole && elements.filter(({ name: element }) => TOLD.test(element)).length <= MOST_TOLD,
    media: items.filter(({ mediaType }) => MEDIA_TYPE.test(mediaType)).map(({ name: file }) => file),
    covers: coversOf(elements, items, name),
  };
}

/** What a package document tells of its files, and how much any book's has of it; `package_document.py` reads no more. */
const TOLD = /^(?:item|itemref|meta|reference|rootfile|identifier)$/;
const MOST_TOLD = 50_000;
const MEDIA_TYPE = /^(?:image|audio|video)\//i;

/** What the package declares as its cover, in each of the ways in which calibre looks for the one to replace. */
function coversOf(
  elements: readonly SmallElement[],
  items: ReadonlyArray<{ id: string; href: string; name: string; properties: readonly string[] }>,
  base: string,
): Set<string> {
  const told = (element: string, attribute: string, type: string, of: RegExp): Set<string> =>
    new Set(
      elements
        .filter(({ name, attributes }) => name === element && of.test(attributes.get(type) ?? ""))
        .map(({ attributes }) => attributes.get(attribute) ?? ""),
    );
  const ids = told("meta", "content", "name", /^cover$/i);
  const guide = [...told("reference", "href", "type", /cover/i)].map((href) => resolveName(href, base));
  const declared = items.filter(
    ({ id, href, properties }) => ids.has(id) || ids.has(href) || properties.includes("cover-image"),
  );
  return new Set([...guide, ...declared.map(({ name }) => name)]);
}

function isNcx({ mediaType }: { readonly mediaType: string }): boolean {
  return mediaType === "application/x-dtbncx+xml";
}

const NOT_FOR_VIEWER =
  /^application\/(?:vnd\.)?adobe[-.]page-template\+xml$|^application\/vnd\.adobe-page-template\+xml$|^application\/text$/;

/**
 * The viewer's own spine: files that exist, each reference once, non-linear ones at the end; a cover page that is
 * marked as such counts as linear.
 */
export function viewerSpine({ spine, coverPage }: Package, exists: (name: string) => boolean): string[] {
  const linear: string[] = [];
  const other: string[] = [];
  const seen = new Set<string>();
  for (const item of spine) {
    if (seen.has(item.id) || NOT_FOR_VIEWER.test(item.mediaType)) continue;
    seen.add(item.id);
    if (!exists(item.name)) continue;
    (item.linear || item.name === coverPage ? linear : other).push(item.name);
  }
  return [...linear, ...other];
}
