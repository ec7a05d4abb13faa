import { type DefaultTreeAdapterTypes, defaultTreeAdapter, parse } from "parse5";
import { TreeRefused } from "./tree.ts";

/** HTML repair can multiply elements; more than this many for each `<` of the source is an attack. */
const ELEMENTS_PER_TAG = 8;
/** parse5 looks through all open elements for many tags: nesting deeper than books have would take for ever. */
const DEEPEST_HTML = 400;

/** HTML as parse5 repairs it; throws {@link TreeRefused} for absurd nesting and for what multiplies elements. */
export function parseHtml(source: string): DefaultTreeAdapterTypes.Document {
  let tags = 1000;
  for (let at = source.indexOf("<"); at !== -1; at = source.indexOf("<", at + 1)) tags += 1;
  let left = tags * ELEMENTS_PER_TAG;
  const depth = new WeakMap<object, number>();
  const adapter: typeof defaultTreeAdapter = {
    ...defaultTreeAdapter,
    createElement(name, namespace, attributes) {
      left -= 1;
      if (left < 0) throw new TreeRefused("too_large");
      return defaultTreeAdapter.createElement(name, namespace, attributes);
    },
    appendChild(parent, child) {
      const level = (depth.get(parent) ?? 0) + 1;
      if (level > DEEPEST_HTML) throw new TreeRefused("too_deep");
      depth.set(child, level);
      defaultTreeAdapter.appendChild(parent, child);
    },
  };
  return parse(source, { treeAdapter: adapter, sourceCodeLocationInfo: false });
}
