import type { ElementNode } from "../../src/core/position/tree.ts";

/** A tree in one line: elements in parentheses, texts in quotes, comments as `!`. */
export function shapeOf({ name, children }: ElementNode): string {
  const inner = children.map((child) => {
    if (child.kind === "comment") return "!";
    return child.kind === "text" ? JSON.stringify(child.text) : shapeOf(child);
  });
  return `${name}(${inner.join(" ")})`;
}
