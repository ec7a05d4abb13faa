/** A built bridge as a child of the test: one request at a time, notices left out. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";

export class BridgeChild {
  readonly child: ChildProcessWithoutNullStreams;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** What it wrote to its log. */
  log = "";
  readonly #waiting: ((message: unknown) => void)[] = [];
  readonly #said: unknown[] = [];
  #lastId = 0;

  constructor([program = "", ...args]: readonly string[], cwd: string) {
    this.child = spawn(program, args, { cwd });
    this.ended = new Promise((done) => this.child.on("close", done));
    this.child.stderr.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const message: unknown = JSON.parse(line);
      if (typeof message === "object" && message !== null && "method" in message) return;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#said.push(message);
      else waiting(message);
    });
  }

  send(message: object | string): void {
    this.child.stdin.write(
      `${typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message })}\n`,
    );
  }

  next(): Promise<unknown> {
    if (this.#said.length > 0) return Promise.resolve(this.#said.shift());
    return new Promise((heard) => this.#waiting.push(heard));
  }

  /** Sends a request and waits for what comes next, which is its answer. */
  request(method: string, params: object): Promise<unknown> {
    this.send({ id: ++this.#lastId, method, params });
    return this.next();
  }

  async end(): Promise<number | null> {
    this.child.stdin.end();
    return this.ended;
  }
}
