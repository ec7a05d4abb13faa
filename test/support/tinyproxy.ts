/** A real proxy of Debian's, tinyproxy, on loopback: as a firm or a school has one. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../server/support/redis.ts";

export interface Tinyproxy {
  readonly port: number;
  /** What it was asked for, a line a request. */
  asked(): string[];
  stop(): Promise<void>;
}

/** Why the proxy cannot be tried here, to stand behind a test's name; null when it can. */
export const whyNoTinyproxy: string | null =
  spawnSync("tinyproxy", ["-v"]).status === 0 ? null : ": no tinyproxy is installed";

/** Starts one that wants this login (`name:password`), or none. */
export async function startTinyproxy(login: string | null): Promise<Tinyproxy> {
  const folder = mkdtempSync(join(tmpdir(), "koreader-progress-tinyproxy-"));
  const port = await freePort();
  const log = join(folder, "log");
  const settings = [
    `Port ${port}`,
    "Listen 127.0.0.1",
    "Allow 127.0.0.1",
    "LogLevel Connect",
    `LogFile "${log}"`,
    "Timeout 20",
    ...(login === null ? [] : [`BasicAuth ${login.replace(":", " ")}`]),
  ];
  writeFileSync(join(folder, "conf"), `${settings.join("\n")}\n`);
  const child = spawn("tinyproxy", ["-d", "-c", join(folder, "conf")], { stdio: "ignore" });
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  await untilListening(port);
  return {
    port,
    asked: () =>
      (existsSync(log) ? readFileSync(log, "utf8") : "").split("\n").flatMap((line) => {
        const request = /Request \(file descriptor \d+\): (\S+ \S+)/.exec(line)?.[1];
        return request === undefined ? [] : [request];
      }),
    async stop() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isThere = await new Promise<boolean>((done) => {
      const socket = connect(port, "127.0.0.1", () => done(true));
      socket.on("error", () => done(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isThere) return;
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error("tinyproxy does not listen");
}
