import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";

/** How long a process that was told to end may take, in milliseconds. */
const TO_END = 500;

/** Each file of tests in a process with a network of its own, started behind `apart`: no file waits for another's calibre. */
export function apartPool(apart: readonly string[]): PoolRunnerInitializer {
  return { name: "apart", createPoolWorker: (options) => new ApartWorker(apart, options) };
}

/** vitest's own "forks", but for the program that stands before it. */
class ApartWorker implements PoolWorker {
  readonly name = "apart";
  readonly cacheFs = true;
  readonly #commandLine: readonly string[];
  readonly #env: Partial<NodeJS.ProcessEnv>;
  #started: ChildProcess | null = null;

  constructor(apart: readonly string[], { distPath, execArgv, env }: PoolOptions) {
    this.#commandLine = [...apart, process.execPath, ...execArgv, join(distPath, "workers", "forks.js")];
    this.#env = env;
  }

  async start(): Promise<void> {
    const [command = "", ...args] = this.#commandLine;
    this.#started = spawn(command, args, {
      env: this.#env,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    await once(this.#started, "spawn");
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    const impatience = setTimeout(() => child.kill("SIGKILL"), TO_END);
    child.kill();
    await ended;
    clearTimeout(impatience);
  }

  on(event: string, callback: (...args: unknown[]) => void): void {
    this.#child.on(event, callback);
  }

  off(event: string, callback: (...args: unknown[]) => void): void {
    this.#child.off(event, callback);
  }

  send(message: WorkerRequest): void {
    this.#child.send(message);
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  get #child(): ChildProcess {
    if (this.#started === null) throw new Error("the process was not started");
    return this.#started;
  }
}
