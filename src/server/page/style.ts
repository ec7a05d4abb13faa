import { hash } from "node:crypto";

/** The page's whole style: the reader's own fonts and colours, light or dark. */
const STYLE = `
:root { color-scheme: light dark; --line: #8886; --accent: #0b57a4; --bad: #a4180b; }
@media (prefers-color-scheme: dark) { :root { --accent: #8cc2ff; --bad: #ff9d8c; } }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; border-bottom: 1px solid var(--line); margin-bottom: 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.25rem; overflow-wrap: anywhere; }
a { color: var(--accent); } a, button, input { border-radius: .25rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; } caption { text-align: start; padding-block: .5rem; }
th, td { text-align: start; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td.number { white-space: nowrap; } td.place { font-size: .875rem; }
small, .quiet { color: color-mix(in srgb, currentColor 75%, transparent); }
label { display: block; margin-top: .75rem; } input { display: block; font: inherit; width: 100%; max-width: 24rem; padding: .5rem; border: 1px solid; }
button { font: inherit; padding: .5rem 1rem; margin-top: .75rem; border: 1px solid; cursor: pointer; }
input[type="hidden"] { display: none; } header button, td button { margin: 0; padding: .25rem .75rem; }
.undo { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; border: 1px solid var(--line); padding: .5rem 1rem; } .undo button { margin: 0; padding: .25rem .75rem; }
.bad { color: var(--bad); } .warning { border: 1px solid var(--bad); padding: 1rem; margin-top: 2rem; }
meter { width: 5rem; vertical-align: middle; margin-inline-end: .5rem; }
nav { margin-block: 1rem; display: flex; gap: 1rem; }
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); height: 1px; width: 1px; overflow: hidden; }
  tr { display: block; border-bottom: 1px solid var(--line); padding-block: .5rem; }
  td, th[scope="row"] { display: block; border: 0; padding: .125rem 0; }
}
`;

/** The style as an element; whole, because the hash below is that of its text to the last blank. */
export const STYLE_ELEMENT = `<style>${STYLE}</style>`;

/** Nothing may be loaded, run or framed, and forms go nowhere but here; the style is known by its hash. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hash("sha256", STYLE, "base64")}'`,
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");
