import type { FastifyInstance } from "fastify";
import type { Context } from "./context.ts";
import { readClaim } from "./authorize.ts";
import { parseJsonObject, readProgressWrite } from "./bodies.ts";
import { mayBeName } from "../claim.ts";
import { Refusal } from "../errors.ts";
import { matchProgressWriter, parseIdentifiers } from "../stores/identifiers.ts";
import type { Identifier, ProgressWrite, StoredRecord, WriteOutcome } from "../stores/store.ts";

type WrittenOutcome = Extract<WriteOutcome, { status: "written" }>;

/** A record as the protocol shows it. */
function showRecord({ document, percentage, progress, device, device_id, timestamp }: StoredRecord): object {
  const record = { document, percentage, progress, device, timestamp };
  return device_id === null ? record : { ...record, device_id };
}

interface Question {
  readonly names: readonly string[];
  /** Null when the request names no identifiers. */
  readonly ids: readonly Identifier[] | null;
}

/** What a `GET` asks for, or why that is no question. */
function readQuestion(text: string, query: unknown): Question | Refusal {
  if (!mayBeName(text)) return new Refusal("DocumentMissing");
  if (typeof query !== "object" || query === null || !("ids" in query)) return { names: [text], ids: null };
  const ids = typeof query.ids === "string" ? parseIdentifiers(query.ids) : null;
  if (ids === null || !ids.some(({ value }) => value === text)) return new Refusal("InvalidFields");
  return { names: ids.map(({ value }) => value), ids };
}

/** What a `PUT` asks for, or why it is refused. */
function readWrite(body: unknown, timestamp: number): ProgressWrite | Refusal {
  try {
    return readProgressWrite(parseJsonObject(body), timestamp);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** The answer to a `PUT`: exactly the document and the time, and what matched when the request named identifiers. */
function showOutcome({ document, match }: WrittenOutcome, timestamp: number): object {
  return match === null ? { document, timestamp } : { document, match, timestamp };
}

/** `PUT` and `GET` of a position. */
export function addProgressRoutes(app: FastifyInstance, { store, gate, clock, pending, noteFull }: Context): void {
  function refuseFull(username: string, address: string): never {
    noteFull(username, address);
    throw new Refusal("AccountFull");
  }

  app.put("/syncs/progress", async (request) => {
    const write = readWrite(request.body, clock());
    const remembered = gate.recall(request.headers);
    if (remembered !== null && !(write instanceof Refusal)) {
      // The write itself checks the credential: who is remembered needs no question to the store before it.
      const outcome = await pending.write(remembered.username, remembered.credential, write);
      if (outcome.status === "written") return showOutcome(outcome, write.timestamp);
      if (outcome.status === "full") refuseFull(remembered.username, request.ip);
    }
    const { username, credential } = await gate.admit(request.headers, request.ip);
    // A stranger learns nothing but 401, whatever the body.
    if (write instanceof Refusal) throw write;
    // To verify a key takes its time: a listing may have told a later one meanwhile.
    const timestamp = clock();
    const outcome = await pending.write(username, credential, { ...write, timestamp });
    if (outcome.status === "unauthorized") throw new Refusal("Unauthorized");
    if (outcome.status === "full") return refuseFull(username, request.ip);
    return showOutcome(outcome, timestamp);
  });

  app.get<{ Params: { document: string } }>("/syncs/progress/:document", async (request) => {
    const question = readQuestion(request.params.document, request.query);
    if (question instanceof Refusal) {
      // A stranger learns nothing but 401, whatever the question.
      await gate.admit(request.headers, request.ip);
      throw question;
    }
    const { names, ids } = question;
    const claim = readClaim(request.headers);
    // One look into the store answers both who asks and what is asked.
    const { credential, found } = await store.find(claim.username, names, ids !== null);
    await gate.check(claim, credential, request.ip);
    if (found === null) return {};
    const match = ids?.[found.match]?.type;
    if (ids === null || match === undefined) return showRecord(found.record);
    return {
      ...showRecord(found.record),
      match,
      progress_match: matchProgressWriter(ids, found.record.identifiers, match),
    };
  });
}
