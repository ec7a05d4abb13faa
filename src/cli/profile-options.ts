/** The options that make a profile on the command line. */
import { ColumnField, ConflictPolicy, type Profile, type Rules } from "../model/profile.ts";
import { Refused } from "./sentences.ts";

/** What `--help` says of the options that sync and push share. */
export const SHARED_HELP = `\
  --column FIELD=#COLUMN   shows a field in a column, again for another one; percent=#col:100 for a float from 0 to 100
                           fields: ${ColumnField.options.join(", ")}
                           without any --column: as mapped in calibre's window; a dry run of none shows the usual ones
  --ids 1,2                these books alone
  --matching WHICH         binary, filename or both (default): KOReader's document matching method
  --policy WHICH           decides conflicts: ${ConflictPolicy.options.join(", ")}
  --copy-logs DIR          a folder of copy logs of another calibre, again for another one
  --dry-run                change nothing, only say what would be done
  --wait                   wait for another calibre program, or another sync, to end
  --explain                the reason of every decision
  --json                   one JSON object instead of lines`;

/** `percent=#col`, or `percent=#col:100` for a float column from 0 to 100. */
export function columnsOf(texts: readonly string[], command: string): Record<string, [string, number | null]> {
  const columns: Record<string, [string, number | null]> = {};
  for (const text of texts) {
    const match = /^(\w+)=(#\w+)(?::(1|100))?$/.exec(text);
    const field = ColumnField.safeParse(match?.[1]);
    if (match === null || !field.success) {
      throw new Refused(
        `${command}: --column wants FIELD=#LOOKUP_NAME with one of these fields: ${ColumnField.options.join(", ")}. This was "${text}".`,
      );
    }
    columns[field.data] = [match[2] ?? "", match[3] === undefined ? null : Number(match[3])];
  }
  return columns;
}

/** A conflict policy by its name. */
export function policyOf(text: string, command: string): Rules["conflict"] {
  const policy = ConflictPolicy.safeParse(text);
  if (!policy.success) throw new Refused(`${command}: --policy is one of ${ConflictPolicy.options.join(", ")}.`);
  return policy.data;
}

/** KOReader's way of matching documents, by its name. */
export function matchingOf(text: string, command: string): Profile["matching"] {
  if (text === "binary" || text === "filename" || text === "both") return text;
  throw new Refused(`${command}: --matching is binary, filename or both.`);
}
