/** The files that bear the version, and what becomes of them in a release. */

/** Texts by path. */
type Files = Readonly<Record<string, string>>;

const NUMBER = /^(\d+)\.(\d+)\.(\d+)$/;

function isHigher(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => (NUMBER.exec(text) ?? []).slice(1).map(Number));
  for (const at of [0, 1, 2]) {
    const [mine = 0, theirs = 0] = [a?.[at], b?.[at]];
    if (mine !== theirs) return mine > theirs;
  }
  return false;
}

/**
 * The files with their new version, released on `day` (YYYY-MM-DD); a sentence where it cannot be. calibre's updater
 * compares numbers: one that does not rise reaches nobody. The first release may bear the number that is there already.
 */
export function withVersion(files: Files, version: string, day: string): Files | string {
  if (!NUMBER.test(version)) return `"${version}" is no version like 1.2.3`;
  const now = /"version": "([^"]+)"/.exec(files["package.json"] ?? "")?.[1] ?? "0.0.0";
  const changelog = files["CHANGELOG.md"] ?? "";
  const [heading] = /^## .*$/m.exec(changelog) ?? [""];
  if (!heading.includes("(unreleased)")) return "the changelog's newest part is not marked (unreleased)";
  const isFirst = (changelog.match(/^## /gm) ?? []).length === 1 && version === now;
  if (!isFirst && !isHigher(version, now)) return `${version} is not higher than ${now}`;
  return {
    "package.json": (files["package.json"] ?? "").replace(/"version": "[^"]+"/, `"version": "${version}"`),
    // The first two are the package's own: at the top, and as the root of the list.
    "package-lock.json": (files["package-lock.json"] ?? "")
      .replace(/^(\{\n {2}"name": "[^"]+",\n {2}"version": ")[^"]+(")/, `$1${version}$2`)
      .replace(/("": \{\n {6}"name": "[^"]+",\n {6}"version": ")[^"]+(")/, `$1${version}$2`),
    "calibre_plugin/__init__.py": (files["calibre_plugin/__init__.py"] ?? "").replace(
      /^ {4}version = \(.*\)$/m,
      `    version = (${version.split(".").join(", ")})`,
    ),
    "CHANGELOG.md": changelog.replace(heading, `## ${version} (${day})`),
  };
}

/** The lines below a version's heading in the changelog, without it; null when the changelog does not know the version. */
export function notesOf(changelog: string, version: string): string | null {
  const lines = changelog.split("\n");
  const from = lines.findIndex((line) => line === `## ${version}` || line.startsWith(`## ${version} `));
  if (from === -1) return null;
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith("## "));
  return lines
    .slice(from + 1, length === -1 ? undefined : from + 1 + length)
    .join("\n")
    .trim();
}
