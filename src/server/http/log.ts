export const LOG_LEVELS = ["off", "error", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One JSON object a line: `time`, `level`, `event` and what belongs to it. Never a name, a key, a header or a body. */
export interface Log {
  readonly level: LogLevel;
  error(event: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void;
  info(event: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void;
  debug(event: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void;
}

/** A log of this level; `write` gets whole lines. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const wanted = LOG_LEVELS.indexOf(level);
  function at(name: LogLevel): Log["info"] {
    if (LOG_LEVELS.indexOf(name) > wanted) return () => undefined;
    return (event, fields = {}) =>
      write(`${JSON.stringify({ time: new Date().toISOString(), level: name, event, ...fields })}\n`);
  }
  return { level, error: at("error"), info: at("info"), debug: at("debug") };
}
