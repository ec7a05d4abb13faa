import { hash } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod";
import type { Context } from "./context.ts";
import { mayBeName } from "../claim.ts";
import { Refusal } from "../errors.ts";
import { createListings } from "./listings.ts";
import type { HistoryEntry, StoredRecord } from "../stores/store.ts";

const MAX_PAGE = 5000;
/** A page ends when it has come to so many characters. */
const MAX_PAGE_LENGTH = 4 * 1024 ** 2;
const JSON_TYPE = "application/json; charset=utf-8";

const Query = z.object({
  since: z.coerce.number().int().min(0).default(0),
  after: z.string().min(1).nullable().default(null),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(1000),
});

type Named = FastifyRequest<{ Params: { document: string } }>;

/** Leaves out a device id that was never told, as the protocol does. */
function showEntry({ percentage, progress, device, device_id, timestamp }: HistoryEntry): object {
  return { percentage, progress, device, timestamp, ...(device_id === null ? {} : { device_id }) };
}

function showRecord(record: StoredRecord): object {
  const { document, metadata } = record;
  return { document, ...showEntry(record), ...(metadata === null ? {} : { metadata }) };
}

/**
 * A page as it is sent, written piece by piece as the client takes it: of no listing is more held than a slice. It ends after
 * `limit` documents, or where it has become long enough.
 */
async function* formatPage(
  slices: AsyncIterable<readonly StoredRecord[]>,
  limit: number,
  now: number,
): AsyncGenerator<string> {
  let [count, length, last]: [number, number, string | null] = [0, 0, null];
  const end = (next: string | null): string => `],"next":${JSON.stringify(next)},"now":${now}}`;
  yield '{"documents":[';
  for await (const records of slices) {
    let text = "";
    for (const record of records) {
      if (count === limit || length >= MAX_PAGE_LENGTH) {
        yield text + end(last);
        return;
      }
      const shown = JSON.stringify(showRecord(record));
      text += count === 0 ? shown : `,${shown}`;
      count += 1;
      length += shown.length;
      last = record.document;
    }
    yield text;
  }
  yield end(null);
}

/** What the protocol lacks, under paths no KOReader asks for: listing, history, deletion of one document. See docs/server-api.md. */
export function addDocumentRoutes(app: FastifyInstance, { store, gate, clock, pending }: Context): void {
  const listings = createListings();

  app.get("/koreader-progress/v1/documents", async (request, reply) => {
    const { username, credential } = await gate.admit(request.headers, request.ip);
    const query = Query.safeParse(request.query);
    if (!query.success) throw new Refusal("InvalidFields");
    const { since, after, limit } = query.data;
    // Before the reading: whoever asks again with `since` at this second misses nothing, also of the writes under way.
    const now = pending.oldest(clock());
    const edition = await store.edition(username);
    const tag = `"${hash("sha256", JSON.stringify([credential, edition, since, after, limit]), "base64url")}"`;
    void reply.header("etag", tag).header("cache-control", "private, no-cache");
    if (request.headers["if-none-match"] === tag) return reply.status(304).send();
    if (!(await listings.begin(username, reply.raw))) return reply.hijack();
    const page = formatPage(store.list(username, { since, after }), limit, now);
    return reply.type(JSON_TYPE).send(Readable.from(page, { objectMode: false }));
  });

  app.get("/koreader-progress/v1/documents/:document/history", async (request: Named) => {
    const { username } = await gate.admit(request.headers, request.ip);
    const { document } = request.params;
    if (!mayBeName(document)) throw new Refusal("DocumentMissing");
    return { document, history: (await store.history(username, document)).map(showEntry) };
  });

  app.delete("/koreader-progress/v1/documents/:document", async (request: Named) => {
    const { username } = await gate.admit(request.headers, request.ip);
    const { document } = request.params;
    if (!mayBeName(document)) throw new Refusal("DocumentMissing");
    return { deleted: await store.deleteDocument(username, document) };
  });
}
