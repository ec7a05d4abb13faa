import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKosyncClient } from "../src/io/kosync/client.ts";
import { Agent, request } from "undici";
import { accountOn } from "../test/support/odd-server.ts";

const DOCUMENTS = 1000;
const AT_ONCE = 8;
/** The way to a server and back, in milliseconds. */
const LATENCY = 25;

let asked = 0;
const server = createServer((incoming, response) => {
  asked += 1;
  const document = incoming.url?.split("/").at(-1);
  setTimeout(() => {
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ document, percentage: 0.5, progress: "/body", device: "Kobo", timestamp: 1_764_000_000 }),
    );
  }, LATENCY);
});
let url = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  url = `http://127.0.0.1:${address.port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const names = Array.from({ length: DOCUMENTS }, (_, i) => `document-${i}`);

/** The floor: nothing but requests, as many at once, and their bodies as JSON. */
async function askBare(): Promise<number> {
  const dispatcher = new Agent({ connections: AT_ONCE, allowH2: false });
  const began = performance.now();
  await Promise.all(
    names.map(async (name) => (await request(`${url}/syncs/progress/${name}`, { dispatcher })).body.json()),
  );
  const took = performance.now() - began;
  await dispatcher.close();
  return took;
}

async function askClient(): Promise<number> {
  const client = createKosyncClient({ account: accountOn(url), limits: { width: { start: AT_ONCE, most: AT_ONCE } } });
  const began = performance.now();
  await Promise.all(names.map((name) => client.getProgress(name)));
  const took = performance.now() - began;
  await client.close();
  return took;
}

test(`asking about ${DOCUMENTS} documents, ${LATENCY} ms away`, async () => {
  await askBare();
  await askClient();
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    bare.push(await askBare());
    ours.push(await askClient());
  }
  expect(asked).toBe(8 * DOCUMENTS);
  const ratio = Math.min(...ours) / Math.min(...bare);
  console.log(
    `asking about ${DOCUMENTS} documents: ${Math.min(...ours).toFixed(0)} ms, bare requests ` +
      `${Math.min(...bare).toFixed(0)} ms, ratio ${ratio.toFixed(2)}; one after the other at least ${DOCUMENTS * LATENCY} ms`,
  );
});
