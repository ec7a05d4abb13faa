/** What is posted for a release where calibre's users look: the forum thread's first post, and its line in the index. */

/** Headings of README that a reader who has calibre and nothing else needs. */
const SECTIONS = ["You read with KOReader and calibre", "How it works"];

/**
 * The first post of the thread, in the forum's own markup. The universal zip has to be its first attachment: calibre's index takes
 * the first zip it finds there, and gives that one to everybody.
 */
export function threadText(readme: string, notes: string, version: string): string {
  const intro = readme.split("\n## ")[0] ?? "";
  const parts = [
    `[SIZE="4"][B]KOReader Progress ${version}[/B][/SIZE]`,
    markup(intro.replace(/^# .*\n/, "")),
    ...SECTIONS.map((name) => `[B]${name}[/B]\n\n${markup(sectionOf(readme, name).replaceAll("VERSION", version))}`),
    `[B]What is new in ${version}[/B]\n[SPOILER]${markup(notes)}[/SPOILER]`,
    `Attached: koreader-progress-${version}.zip, for every machine. The zips with a runtime inside are links, never attachments.`,
  ];
  return `${parts.map((part) => part.trim()).join("\n\n")}\n`;
}

/** The line for calibre's index of plugins; `thread` is the address of the first post. */
export function indexEntry(thread: string): string {
  return `[*][URL="${thread}"]KOReader Progress[/URL] History: Yes;\n`;
}

/** The text below a heading of the second level. Throws when there is no such heading. */
function sectionOf(readme: string, name: string): string {
  const found = readme.split(/^## /m).find((part) => part.startsWith(`${name}\n`));
  if (found === undefined) throw new Error(`README has no part "${name}"`);
  return found.slice(name.length + 1);
}

/** Markdown as the project writes it in BBCode: paragraphs of one line, lists, emphasis; what only works in a repository goes. */
function markup(text: string): string {
  return text
    .replaceAll(/^!\[.*\]\(.*\)$/gm, "")
    .replaceAll(/^Nothing is published yet:.*\n(?:.+\n)*/gm, "")
    .replaceAll(/ \(docs\/[^)]*\)/g, "")
    .replaceAll(/^More: (?:.|\n(?!\n))*/gm, "")
    .replaceAll(/\n +/g, " ")
    .replaceAll(/([^\n])\n(?!\n|[-\d])/g, "$1 ")
    .replaceAll(/\[([^\]]+)\]\((https?:[^)]+)\)/g, '[URL="$2"]$1[/URL]')
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .replaceAll(/\*\*([^*]+)\*\*/g, "[B]$1[/B]")
    .replaceAll(/\*([^*\n]+)\*/g, "[I]$1[/I]")
    .replaceAll(/`([^`]+)`/g, '[FONT="Courier New"]$1[/FONT]')
    .replaceAll(/(?:^- .*\n?)+/gm, (list) => `[LIST]\n${list.trim().replaceAll(/^- /gm, "[*]")}\n[/LIST]\n`)
    .replaceAll(/(?:^\d+\. .*\n?)+/gm, (list) => `[LIST=1]\n${list.trim().replaceAll(/^\d+\. /gm, "[*]")}\n[/LIST]\n`)
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}
