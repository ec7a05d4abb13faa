/** A style sheet that a file or another sheet names, as written, and the media it is for; "" for all. */
export interface SheetLink {
  readonly href: string;
  readonly media: string;
}

const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(String.raw`\s${name}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`, "i").exec(tag);
  return found?.[1] ?? found?.[2] ?? found?.[3];
};

/** The style sheets a file names in its head, and the styles that stand in it; crengine asks no style for its media. */
export function sheetsIn(source: string): { readonly links: readonly SheetLink[]; readonly inline: readonly string[] } {
  const end = source.search(/<body[\s>]/i);
  const head = source.slice(0, end === -1 ? Math.min(source.length, 50_000) : Math.min(end, 500_000));
  const links: SheetLink[] = [];
  const inline: string[] = [];
  for (const [tag] of head.replaceAll(/<!--[\s\S]*?(?:-->|$)/g, "").matchAll(/<link\s[^>]{0,4000}>/gi)) {
    const rel = attribute(tag, "rel")?.trim().toLowerCase() ?? "";
    const type = attribute(tag, "type")?.trim().toLowerCase() ?? "";
    const href = attribute(tag, "href");
    const isSheet = (rel === "" || rel === "stylesheet") && (type === "" || type === "text/css");
    if (isSheet && href !== undefined) links.push({ href, media: attribute(tag, "media")?.trim() ?? "" });
  }
  const opening = /<style(?:\s[^>]{0,1000})?>/gi;
  for (let tag = opening.exec(head); tag !== null; tag = opening.exec(head)) {
    const close = /<\/style/gi;
    close.lastIndex = opening.lastIndex;
    const found = close.exec(head);
    if (found === null) break;
    inline.push(head.slice(opening.lastIndex, found.index));
    opening.lastIndex = close.lastIndex;
  }
  return { links, inline };
}

const AT_THE_BEGINNING = /\s*@(import|charset|namespace)\b/iy;
const HREF = /^\s*(?:url\(\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"');]+))\s*\)?/i;
const MOST_IMPORTS = 50;

/** The style sheets that another one imports at its beginning; comments left out. Linear. */
export function importsIn(css: string): readonly SheetLink[] {
  const text = css.replaceAll(/\/\*[\s\S]*?(?:\*\/|$)/g, "");
  const found: SheetLink[] = [];
  for (let at = 0; found.length < MOST_IMPORTS;) {
    AT_THE_BEGINNING.lastIndex = at;
    const rule = AT_THE_BEGINNING.exec(text);
    const end = text.indexOf(";", at);
    if (rule === null || end === -1) break;
    const what = text.slice(AT_THE_BEGINNING.lastIndex, Math.min(end, AT_THE_BEGINNING.lastIndex + 2000));
    const href = HREF.exec(what);
    if (rule[1]?.toLowerCase() === "import" && href !== null) {
      const media = what.slice(href[0].length).trim();
      found.push({ href: href[1] ?? href[2] ?? href[3] ?? "", media });
    }
    at = end + 1;
  }
  return found;
}

/** A list of media that holds on every reader: one of its parts is for all, or for screens, and asks nothing more. */
function holdsAlways(media: string): boolean {
  return media === "" || media.split(",").some((one) => /^(?:only\s+)?(?:all|screen)$/i.test(one.trim()));
}

/** A sheet as it is to be read when it is named for these media: what may not hold stands in an `@media`. */
export function forMedia(css: string, media: string): string {
  return holdsAlways(media) ? css : `@media ${media.replaceAll(/[{};]/g, " ")} {\n${css}\n}`;
}
