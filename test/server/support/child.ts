import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import process from "node:process";

export interface ChildServer {
  readonly port: number;
  readonly child: ChildProcess;
  /** Ends it with this signal; resolves with its exit code, null after a kill. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * `koreader-progress serve` as a process of its own, on a free port; rejects with what it said when it does not start.
 * `flags` are Node's; with any of them the child has a channel for messages.
 */
export function startChild(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<ChildServer> {
  const command = [...flags, "src/cli/main.ts", "serve", "--port", "0", "--log", "off", ...args];
  const channel = flags.length > 0 ? (["ipc"] as const) : [];
  const child = spawn(process.execPath, command, {
    stdio: ["ignore", "pipe", "pipe", ...channel],
    env: { ...process.env, KOREADER_PROGRESS_REGISTRATION: "open", ...env },
  });
  const gone = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return new Promise((resolve, reject) => {
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout?.once("data", (chunk: Buffer) => {
      const port = Number(new URL(chunk.toString().trim()).port);
      resolve({
        port,
        child,
        end(signal) {
          child.kill(signal);
          return gone;
        },
      });
    });
    void gone.then((code) => reject(new Error(`serve ended with ${code}: ${errors}`)));
  });
}
