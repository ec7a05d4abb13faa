import { type Shown, shownBy } from "./crengine-declarations.ts";
import { type ElementStyle, defaultStyle } from "./crengine-display.ts";
import { type ShownBy, type StyleOf, plainStyle } from "./tree-builder.ts";
import type { OpenElement } from "./crengine-whitespace.ts";
import { append } from "../lists.ts";

/** One simple selector without combinators: `p.note#first`. */
interface Compound {
  readonly name: string | null;
  readonly id: string | null;
  readonly classes: readonly string[];
}

interface Rule {
  /** The element itself comes last; `isChild` tells whether the one before must be its parent. */
  readonly parts: readonly { readonly compound: Compound; readonly isChild: boolean }[];
  readonly shown: Shown;
  readonly isImportant: boolean;
  readonly weight: number;
  readonly order: number;
}

const COMPOUND = /^(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)$/i;

function compound(text: string): Compound | null {
  const match = COMPOUND.exec(text);
  if (match === null || text === "") return null;
  const marks = match[2]?.match(/[.#][\w-]+/g) ?? [];
  return {
    name: match[1] === undefined || match[1] === "*" ? null : match[1].toLowerCase(),
    id: marks.findLast((mark) => mark.startsWith("#"))?.slice(1) ?? null,
    classes: marks.filter((mark) => mark.startsWith(".")).map((mark) => mark.slice(1)),
  };
}

/** A selector of simple ones joined by descent; null for anything it would take a whole engine to understand. */
function selector(text: string): Pick<Rule, "parts" | "weight"> | null {
  const parts: Array<{ compound: Compound; isChild: boolean }> = [];
  let isChild = false;
  let weight = 0;
  for (const token of text.replaceAll(">", " > ").trim().split(/\s+/, 20)) {
    if (token === ">") {
      isChild = true;
      continue;
    }
    const found = compound(token);
    if (found === null) return null;
    parts.push({ compound: found, isChild });
    isChild = false;
    weight += (found.id === null ? 0 : 10_000) + found.classes.length * 100 + (found.name === null ? 0 : 1);
  }
  return parts.length === 0 ? null : { parts, weight };
}

const MOST_RULES = 5000;
const MOST_DOUBTS = 50;
/** So many parts of rules are tried before the sheets are left at that: a sound book needs a hundredth of it. */
const MOST_TRIES = 4_000_000;

/** What makes other boxes or holds at times only: it changes no element that stands in the file. */
const NO_ELEMENT = /::|:(?:before|after|first-letter|first-line|hover|active|focus|link|visited|target)/i;

/** The element that a selector is about which is not understood otherwise: every one it might mean, and more. */
function subject(text: string): Compound | null {
  if (NO_ELEMENT.test(text)) return null;
  const last = text
    .replaceAll(/\[[^\]]*\]|\([^)]*\)/g, "")
    .trim()
    .split(/[\s>+~]+/)
    .at(-1);
  const bare = (last ?? "").replaceAll(/:[\w-]+/g, "");
  return compound(bare === "" ? "*" : bare);
}

interface Sheets {
  readonly rules: Rule[];
  readonly doubts: Doubt[];
}

/** Elements of which a rule says something, although it is not known whether it holds for them. */
interface Doubt {
  readonly about: Compound;
  readonly of: "display" | "white-space";
}

/** One rule: understood, or, with a selector that is not and inside of `@media`, a doubt. */
function readRule(head: string, block: string, isConditional: boolean, { rules, doubts }: Sheets): void {
  const shown = shownBy(block);
  if (shown === null) return;
  for (const one of head.split(",", 200)) {
    const found = isConditional ? null : selector(one);
    const about = found === null ? subject(one) : null;
    const isOfSpace = shown.ordinary.pre !== undefined || shown.important.pre !== undefined;
    if (about !== null && doubts.length < MOST_DOUBTS)
      doubts.push({ about, of: isOfSpace ? "white-space" : "display" });
    if (found === null) continue;
    for (const isImportant of [false, true]) {
      const part = isImportant ? shown.important : shown.ordinary;
      if (Object.keys(part).length > 0) rules.push({ ...found, shown: part, isImportant, order: rules.length });
    }
  }
}

/** Reads the rules that decide what is shown; whether those in `@media` hold is not known. Linear, never throws. */
function readRules(css: string, into: Sheets): void {
  const text = css.replaceAll(/\/\*[\s\S]*?(?:\*\/|$)/g, "");
  let at = 0;
  let conditions = 0;
  while (at < text.length && into.rules.length < MOST_RULES) {
    const open = text.indexOf("{", at);
    if (open === -1) return;
    // What stands before a semicolon is an import, or anything else without a block; braces close conditions.
    const before = text.slice(at, open);
    const head = before.slice(Math.max(before.lastIndexOf(";"), before.lastIndexOf("}")) + 1).trim();
    conditions = Math.max(0, conditions - (before.split("}").length - 1));
    if (/^@(?:media|supports)\b/i.test(head)) {
      conditions += 1;
      at = open + 1;
      continue;
    }
    let close = text.indexOf("}", open);
    if (close === -1) close = text.length;
    if (!head.startsWith("@")) readRule(head, text.slice(open + 1, close), conditions > 0, into);
    at = close + 1;
  }
}

type Matched = { readonly name: string; readonly attributes: { readonly class?: string; readonly id?: string } };

function matches({ name, id, classes }: Compound, element: Matched): boolean {
  if (name !== null && name !== element.name) return false;
  if (id !== null && id !== element.attributes.id) return false;
  if (classes.length === 0) return true;
  const own = element.attributes.class?.split(/\s+/) ?? [];
  return classes.every((wanted) => own.includes(wanted));
}

/** How far up an ancestor is looked for: bounds the work for each element. */
const FARTHEST = 40;

function applies({ parts }: Rule, element: Matched, ancestors: readonly OpenElement[]): boolean {
  let at = ancestors.length - 1;
  const lowest = Math.max(0, ancestors.length - FARTHEST);
  for (let part = parts.length - 2; part >= 0; part -= 1) {
    const wanted = parts[part]?.compound;
    const mustBeParent = parts[part + 1]?.isChild ?? false;
    let found = false;
    for (; at >= lowest && !found; at -= 1) {
      const ancestor = ancestors[at];
      if (ancestor === undefined || wanted === undefined) return false;
      found = matches(wanted, { name: ancestor.node.name, attributes: ancestor.attributes });
      if (!found && mustBeParent) return false;
    }
    if (!found) return false;
  }
  const own = parts.at(-1);
  return own !== undefined && matches(own.compound, element);
}

function byWeight(a: Rule, b: Rule): number {
  return a.weight - b.weight || a.order - b.order;
}

/**
 * What a book's own style sheets change in crengine's tree: hidden elements, display, floats and preformatted text,
 * for selectors of names, classes and ids. `sheets` in the order in which they apply.
 */
export function styleFrom(sheets: readonly string[]): StyleOf {
  const rules: Rule[] = [];
  const doubts: Doubt[] = [];
  for (const sheet of sheets) readRules(sheet, { rules, doubts });
  const byName = new Map<string, Rule[]>();
  const byClass = new Map<string, Rule[]>();
  const byId = new Map<string, Rule[]>();
  const anywhere: Rule[] = [];
  let left = MOST_TRIES;
  for (const rule of rules) {
    const own = rule.parts.at(-1)?.compound;
    const [firstClass] = own?.classes ?? [];
    let [index, key] = firstClass === undefined ? [byName, own?.name ?? ""] : [byClass, firstClass];
    if (typeof own?.id === "string") [index, key] = [byId, own.id];
    if (key === "") anywhere.push(rule);
    else if (index.has(key)) index.get(key)?.push(rule);
    else index.set(key, [rule]);
  }
  /** Rules whose last part names something of this element; nearly always there are none. */
  function candidatesFor(name: string, attributes: ShownBy): readonly Rule[] {
    const found = [...anywhere];
    append(found, byName.get(name) ?? []);
    if (attributes.id !== undefined) append(found, byId.get(attributes.id) ?? []);
    if (attributes.class !== undefined && byClass.size > 0) {
      for (const one of attributes.class.split(/\s+/)) append(found, byClass.get(one) ?? []);
    }
    return found;
  }

  return (name: string, attributes: ShownBy, ancestors): ElementStyle => {
    const plain = plainStyle(name, attributes);
    const inline = attributes.style === undefined ? null : shownBy(attributes.style);
    const candidates = rules.length > 0 && left > 0 ? candidatesFor(name, attributes) : [];
    const doubtful = doubts.filter(({ about }) => matches(about, { name, attributes })).map((doubt) => doubt.of);
    if (inline === null && candidates.length === 0 && doubtful.length === 0) return plain;
    const style: Styled = { ...plain };
    if (doubtful.length > 0) style.doubtful = doubtful.includes("white-space") ? "white-space" : "display";
    for (const { parts } of candidates) left -= parts.length;
    const element = { name, attributes };
    const applied = candidates.filter((one) => applies(one, element, ancestors)).sort(byWeight);
    for (const { shown, isImportant } of applied) if (!isImportant) Object.assign(style, shown);
    Object.assign(style, inline?.ordinary);
    for (const { shown, isImportant } of applied) if (isImportant) Object.assign(style, shown);
    Object.assign(style, inline?.important);
    return settled(name, style);
  };
}

type Styled = { -readonly [Key in keyof ElementStyle]: ElementStyle[Key] };

/** What crengine makes of a style whatever the sheets say. */
function settled(name: string, style: ElementStyle): ElementStyle {
  if (style.display === "none") return style;
  // Boxes of ruby stay what they are: their insides have rules of their own.
  if (defaultStyle(name).display === "ruby") return { ...style, display: "ruby" };
  if (name === "br") return { ...style, display: "inline" };
  return style.floats && style.display === "inline" ? { ...style, display: "block" } : style;
}
