import { hash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod";
import type { Context } from "./context.ts";
import { isDocumentId } from "./bodies.ts";
import { Refusal } from "../errors.ts";
import type { HistoryEntry, StoredRecord } from "../stores/store.ts";

const MAX_PAGE = 5000;

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

/** What the protocol lacks, under paths no KOReader asks for: listing, history, deletion of one document. See docs/server-api.md. */
export function addDocumentRoutes(app: FastifyInstance, { store, gate, clock, pending }: Context): void {
  app.get("/koreader-progress/v1/documents", async (request, reply) => {
    const { username } = await gate.admit(request.headers, request.ip);
    const query = Query.safeParse(request.query);
    if (!query.success) throw new Refusal("InvalidFields");
    const { since, after, limit } = query.data;
    // Before the reading: whoever asks again with `since` at this second misses nothing, also of the writes under way.
    const now = pending.oldest(clock());
    const records = await store.list(username, { since, after, limit });
    const documents = records.map(showRecord);
    const next = records.length === limit ? (records.at(-1)?.document ?? null) : null;
    const text = JSON.stringify(documents);
    const tag = `"${hash("sha256", `${next ?? ""}\n${text}`, "base64url")}"`;
    void reply.header("etag", tag).header("cache-control", "private, no-cache");
    if (request.headers["if-none-match"] === tag) return reply.status(304).send();
    return { documents, next, now };
  });

  app.get("/koreader-progress/v1/documents/:document/history", async (request: Named) => {
    const { username } = await gate.admit(request.headers, request.ip);
    const { document } = request.params;
    if (!isDocumentId(document)) throw new Refusal("DocumentMissing");
    return { document, history: (await store.history(username, document)).map(showEntry) };
  });

  app.delete("/koreader-progress/v1/documents/:document", async (request: Named) => {
    const { username } = await gate.admit(request.headers, request.ip);
    const { document } = request.params;
    if (!isDocumentId(document)) throw new Refusal("DocumentMissing");
    return { deleted: await store.deleteDocument(username, document) };
  });
}
