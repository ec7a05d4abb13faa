/** Keeps one of Node 22's warnings to itself: its SQLite is called experimental there, and nobody can act on that. */
import process from "node:process";

/** From now on that one warning is not shown; every other is. To be called before SQLite is loaded. */
export function quietSqlite(): void {
  const emit = process.emitWarning.bind(process) as (warning: string | Error, ...about: unknown[]) => void;
  const quieter = (warning: string | Error, ...about: unknown[]): void => {
    const text = typeof warning === "string" ? warning : warning.message;
    if (!text.startsWith("SQLite is an experimental feature")) emit(warning, ...about);
  };
  process.emitWarning = quieter;
}
