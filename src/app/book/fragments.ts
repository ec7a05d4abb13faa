import { resolveName } from "../../core/position/archive-name.ts";
import { calibreTree } from "../../core/position/calibre-tree.ts";
import type { SpineTrees } from "../../core/position/convert.ts";
import { crengineTree } from "../../core/position/crengine-tree.ts";
import type { SpineItem } from "../../core/position/package.ts";
import { forMedia, importsIn, sheetsIn } from "../../core/position/sheets.ts";
import { styleFrom } from "../../core/position/stylesheet.ts";
import type { StyleOf } from "../../core/position/tree-builder.ts";
import { type Tree, TreeRefused } from "../../core/position/tree.ts";
import { SyncError } from "../../model/error.ts";
import type { BookArchive } from "../ports.ts";

/** Trees of about this many characters of source are kept, some 150 MB; more are read again when needed. */
const KEPT = 6_000_000;
const LARGEST_SHEET = 2_000_000;
const MOST_SHEETS = 50;

/** Why a file of the book has no trees, in one word. */
export interface Refused {
  readonly refused: string;
}

function lazily(source: string): Pick<SpineTrees, "calibre"> {
  let known: Tree | null | undefined;
  return {
    get calibre() {
      if (known === undefined) {
        try {
          known = calibreTree(source);
        } catch (error) {
          if (!(error instanceof TreeRefused)) throw error;
          known = null;
        }
      }
      return known;
    },
  };
}

/** The files of an EPUB's spine as trees, each read and understood when first asked for. */
export class Fragments {
  readonly #archive: BookArchive;
  readonly #kept = new Map<string, { readonly trees: SpineTrees | Refused; readonly size: number }>();
  readonly #styles = new Map<string, StyleOf>();
  readonly #sheets = new Map<string, string>();
  #size = 0;

  constructor(archive: BookArchive) {
    this.#archive = archive;
  }

  async #sheet(name: string): Promise<string> {
    const known = this.#sheets.get(name);
    if (known !== undefined) return known;
    const isReadable = this.#archive.has(name) && this.#archive.size(name) <= LARGEST_SHEET;
    const css = isReadable ? await this.#archive.read(name).catch(() => "") : "";
    this.#sheets.set(name, css);
    return css;
  }

  /** A sheet behind those it imports, each once; `seen` are the names of one file's sheets. */
  async #withImports(css: string, base: string, seen: Set<string>): Promise<string> {
    let imported = "";
    for (const { href, media } of importsIn(css)) {
      const name = resolveName(href, base);
      if (seen.has(name) || seen.size >= MOST_SHEETS) continue;
      seen.add(name);
      imported += `${forMedia(await this.#withImports(await this.#sheet(name), name, seen), media)}\n`;
    }
    return imported + css;
  }

  async #styleOf(source: string, name: string): Promise<StyleOf> {
    const { links, inline } = sheetsIn(source);
    const named = links.map(({ href, media }) => ({ sheet: resolveName(href, name), media }));
    // Imports in the file itself are found from where it lies.
    const key = JSON.stringify([named, inline, inline.some((css) => css.includes("@import")) ? name : ""]);
    let style = this.#styles.get(key);
    if (style === undefined) {
      const sheets: string[] = [];
      const linked = named.slice(0, MOST_SHEETS);
      const seen = new Set(linked.map(({ sheet }) => sheet));
      for (const { sheet, media } of linked) {
        sheets.push(forMedia(await this.#withImports(await this.#sheet(sheet), sheet, seen), media));
      }
      for (const sheet of inline) sheets.push(await this.#withImports(sheet, name, seen));
      style = styleFrom(sheets);
      if (this.#styles.size < 1000) this.#styles.set(key, style);
    }
    return style;
  }

  async #read(item: SpineItem): Promise<{ trees: SpineTrees | Refused; size: number }> {
    const { name } = item;
    if (!this.#archive.has(name)) return { trees: { crengine: crengineTree(null, item), calibre: null }, size: 100 };
    let source: string;
    try {
      source = await this.#archive.read(name);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      return { trees: { refused: String(error.data["reason"]) }, size: 100 };
    }
    try {
      const crengine = crengineTree(source, item, await this.#styleOf(source, name));
      return { trees: Object.assign(lazily(source), { crengine }), size: source.length };
    } catch (error) {
      if (!(error instanceof TreeRefused)) throw error;
      return { trees: { refused: error.reason }, size: 100 };
    }
  }

  async trees(item: SpineItem): Promise<SpineTrees | Refused> {
    const known = this.#kept.get(item.name);
    if (known !== undefined) {
      // Put last again: the first of the map is the one that has not been used for longest.
      this.#kept.delete(item.name);
      this.#kept.set(item.name, known);
      return known.trees;
    }
    const read = await this.#read(item);
    this.#kept.set(item.name, read);
    this.#size += read.size;
    for (const [name, { size }] of this.#kept) {
      if (this.#size <= KEPT || name === item.name) break;
      this.#kept.delete(name);
      this.#size -= size;
    }
    return read.trees;
  }
}
