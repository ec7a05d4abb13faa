/** Ctrl-C, or a service's end, while a command works: what was begun is brought to an end, nothing is left running. */
import process from "node:process";
import { SyncError } from "../model/error.ts";

/** As shells count them: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs a command with a signal that Ctrl-C aborts; resolves with the shell's own exit code when it was stopped. A second
 * Ctrl-C ends at once.
 */
export async function stoppable(command: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let exitCode: number | null = null;
  const stop = (name: NodeJS.Signals): void => {
    const code = name === "SIGINT" ? EXIT_CODES.SIGINT : EXIT_CODES.SIGTERM;
    if (exitCode !== null) process.exit(code);
    exitCode = code;
    controller.abort(new SyncError("Cancelled"));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    const ended = await command(controller.signal);
    return exitCode ?? ended;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
