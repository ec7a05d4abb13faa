/** What crengine does with an element as far as its tree depends on it. */
export type Display = "inline" | "block" | "inline-block" | "table" | "ruby" | "none";

/** How an element is laid out; `pre` is inherited by what stands in it. */
export interface ElementStyle {
  readonly display: Display;
  readonly floats: boolean;
  /** null: as its parent. */
  readonly pre: boolean | null;
  /** What a rule that is not understood here may have changed: how it is shown, or its white space too. */
  readonly doubtful?: "display" | "white-space";
}

function style(display: Display, pre: boolean | null = null): ElementStyle {
  return { display, floats: false, pre };
}

const INLINE = style("inline");
const BLOCK = style("block");
const TABLE = style("table");
const NONE = style("none");
const PRE = style("block", true);

const STYLES = new Map<string, ElementStyle>();
const WITHOUT_TEXT = new Set<string>();

function each(names: string, value: ElementStyle): void {
  for (const name of names.split(" ")) STYLES.set(name, value);
}

each(
  "body title hr form blockquote div h1 h2 h3 h4 h5 h6 p output section ol ul li dl dt dd caption th td address " +
    "article aside canvas fieldset figcaption figure footer header hgroup legend main nav noscript video center dir " +
    "menu noframes details dialog summary frame frameset iframe noembed template select button marquee optgroup map " +
    "city date email history id isbn keywords lang nickname publisher sequence subtitle v version year book-name " +
    "book-title custom-info home-page program-used src-lang src-ocr src-url text-author",
  BLOCK,
);
each("table colgroup col thead tbody tfoot tr", TABLE);
each("pre listing textarea plaintext xmp", PRE);
each("style script base basefont bgsound meta link binary description genre stylesheet head", NONE);
each("case rp", NONE);
each("ruby", style("ruby"));
each(
  "html applet area track input keygen param audio source DocFragment FictionBook annotation author coverpage " +
    "epigraph part poem stanza document-info empty-line publish-info src-title-info title-info",
  BLOCK,
);

for (const name of (
  "table colgroup col thead tbody tfoot tr base basefont bgsound meta link description html head applet area track " +
  "input keygen param audio source FictionBook annotation author coverpage epigraph part poem stanza document-info " +
  "empty-line publish-info src-title-info title-info svg object embed img image"
).split(" ")) {
  WITHOUT_TEXT.add(name);
}

const SVG_TEXT = new Set(["style", "text", "tspan", "textPath", "title", "desc", "metadata"]);

/** What an element is without any style sheet; names that crengine does not know are inline. */
export function defaultStyle(name: string): ElementStyle {
  return STYLES.get(name) ?? INLINE;
}

/** Whether crengine keeps text that stands directly in this element. */
export function keepsText(name: string, insideSvg: boolean): boolean {
  return insideSvg ? SVG_TEXT.has(name) : !WITHOUT_TEXT.has(name);
}
