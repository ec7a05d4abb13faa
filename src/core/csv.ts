/** Tables for other programs. */

/** Quotes what would break a row, and disarms what a spreadsheet would run as a formula: titles come from anywhere. */
function csvField(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) || safe !== value ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows as CSV (RFC 4180, CR LF). */
export function formatCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map((value) => csvField(value)).join(",")}\r\n`).join("");
}
