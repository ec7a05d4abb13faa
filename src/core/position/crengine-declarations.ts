import type { ElementStyle } from "./crengine-display.ts";

/** What of a rule matters to a tree: whether and how an element is shown. */
export interface Shown {
  display?: ElementStyle["display"];
  floats?: boolean;
  /** null: as its parent. */
  pre?: boolean | null;
}

const DISPLAYS: Readonly<Record<string, ElementStyle["display"]>> = {
  none: "none",
  inherit: "inline",
  initial: "inline",
  unset: "inline",
  "run-in": "inline",
  inline: "inline",
  block: "block",
  "list-item": "block",
  "inline-block": "inline-block",
  "inline-table": "inline-block",
  table: "table",
  "table-row": "table",
  "table-row-group": "table",
  "table-header-group": "table",
  "table-footer-group": "table",
  "table-column": "table",
  "table-column-group": "table",
  "table-cell": "block",
  "table-caption": "block",
  ruby: "ruby",
};

/** `white-space`, as crengine knows it; what it does not know it leaves out. */
const PRE: Readonly<Record<string, boolean | null>> = {
  normal: false,
  nowrap: false,
  pre: true,
  "pre-line": true,
  "pre-wrap": true,
  "break-spaces": true,
  inherit: null,
  unset: null,
  initial: false,
};

/** What one declaration says of these; nothing for any other. */
function declared(property: string, value: string): Shown {
  const display = property === "display" ? DISPLAYS[value] : undefined;
  if (display !== undefined) return { display };
  if (property === "float") return { floats: value === "left" || value === "right" };
  const pre = property === "white-space" ? PRE[value] : undefined;
  return pre === undefined ? {} : { pre };
}

/** The declarations of a rule or a `style` attribute that a tree depends on: ordinary and important ones. */
export function shownBy(declarations: string): { readonly ordinary: Shown; readonly important: Shown } | null {
  if (!/display|float|white-space/i.test(declarations)) return null;
  const ordinary: Shown = {};
  const important: Shown = {};
  for (const declaration of declarations.split(";", 500)) {
    const colon = declaration.indexOf(":");
    const property = declaration.slice(0, colon).trim().toLowerCase();
    const said = declaration.slice(colon + 1);
    const value = said.replace(/!\s*important/i, "");
    const into = value === said ? ordinary : important;
    Object.assign(into, declared(property, value.trim().toLowerCase()));
  }
  return { ordinary, important };
}
