/** `koreader-progress devices`: the devices and folders that calibre has read, of whom, and when. */
import process from "node:process";
import { parseArgs } from "node:util";
import type { KnownReader } from "../model/library.ts";
import { inCalibre, openLibrary } from "./calibre.ts";
import { orSentence } from "./sentences.ts";

export const summary = "devices [--library DIR]    the devices and folders that were read, whose they are, and when";

export const help = `
  --library DIR            calibre's library: whose each of them is there
  --json                   one JSON object instead of lines

A line for each: its name, whose it is, how many books were opened there, when it was read last, and its folder.

Example:
  koreader-progress devices --library "$HOME/Calibre Library"
`;

/** 0 when they could be listed, also when there are none; 2 when not, 130 when stopped. */
export function run(args: string[]): Promise<number> {
  return orSentence(() => {
    const { values } = parseArgs({
      args,
      options: { library: { type: "string" }, json: { type: "boolean", default: false } },
    });
    const { library, json } = values;
    return inCalibre(async (calibre, signal) => {
      // Nothing is changed in it: it needs no turn.
      if (library !== undefined) await openLibrary(calibre, { library, dry_run: true }, signal);
      const devices = await calibre.devices();
      if (json) process.stdout.write(`${JSON.stringify({ devices })}\n`);
      else process.stdout.write(devices.map((device) => `${lineOf(device, library !== undefined)}\n`).join(""));
      return 0;
    });
  });
}

function lineOf({ name, folder, books, looked, whose, profile }: KnownReader, isAsked: boolean): string {
  const when = looked === null ? "" : new Date(looked * 1000).toISOString().slice(0, 16).replace("T", " ");
  const owner = { unasked: "not asked yet", nobody: "nobody's", profile: profile ?? "" }[whose];
  return [name, ...(isAsked ? [owner] : []), String(books), when, folder ?? ""].join("\t");
}
