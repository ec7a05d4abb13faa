/** Calls that hand over as many arguments as a list has entries: an engine takes some 60,000, then dies of a RangeError. */
import { readFileSync } from "node:fs";
import { parseAst } from "vitest/node";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

/** What a function calls its rest parameter: as long as a caller has written it out. */
function restNames(node: Node): string[] {
  const params = Array.isArray(node["params"]) ? node["params"] : [];
  return params.filter(isNode).flatMap(({ type, argument }) => {
    if (type !== "RestElement" || !isNode(argument)) return [];
    return typeof argument["name"] === "string" ? [argument["name"]] : [];
  });
}

/** Whether so much only is handed over as stands in the source. */
function isWrittenOut(argument: unknown, rests: ReadonlySet<string>): boolean {
  if (!isNode(argument)) return false;
  if (argument.type === "Identifier") return rests.has(String(argument["name"]));
  const elements = argument.type === "ArrayExpression" ? argument["elements"] : null;
  return Array.isArray(elements) && elements.every((element) => isNode(element) && element.type !== "SpreadElement");
}

/** `file:line` of each call in a TypeScript text that spreads a list of any length over its arguments, or applies one. */
export function spreadsIn(file: string, text = readFileSync(file, "utf8")): string[] {
  const found: string[] = [];
  function visit(node: Node, outer: ReadonlySet<string>): void {
    const rests = new Set([...outer, ...restNames(node)]);
    const { callee, arguments: given } = node;
    if (isNode(callee) && Array.isArray(given)) {
      const spread = given.filter(isNode).some(({ type, argument }) => {
        return type === "SpreadElement" && !isWrittenOut(argument, rests);
      });
      const property = callee["property"];
      const applies = isNode(property) && property["name"] === "apply";
      if (spread || applies) found.push(`${file}:${text.slice(0, node.start).split("\n").length}`);
    }
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, rests);
  }
  const program: unknown = parseAst(text, { lang: "ts" });
  if (isNode(program)) visit(program, new Set());
  return found;
}
