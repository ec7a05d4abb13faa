/** Every method, notification and error that crosses between calibre and the bridge: the single source of truth. */
import * as z from "zod";
import { Account } from "../src/model/account.ts";
import { AnnotatedBook } from "../src/model/library.ts";
import { AnnotationPlan, AnnotationTarget, Deletions } from "../src/model/native-annotation.ts";
import { RememberedBook } from "../src/model/move.ts";
import { CarryOver, CarryOverResult } from "../src/model/carry-over.ts";
import { Diagnosis } from "../src/model/diagnosis.ts";
import { FileDigests, KnownDigest } from "../src/model/digest.ts";
import { ArrivedPlace, HostingOptions, HostingStatus, HostingUserChange, Visit } from "../src/model/hosting.ts";
import { Book, Observation, PullPlan } from "../src/model/plan.ts";
import { ConflictPolicy, Profile, Rules } from "../src/model/profile.ts";
import { LoggedBook, ReadingStory } from "../src/model/reading-log.ts";
import { PlaceAnswer, PlaceRequest } from "../src/model/place.ts";
import { ListedDocument } from "../src/model/progress.ts";
import { ReadingStatistics } from "../src/model/reading-statistics.ts";
import { Reach } from "../src/model/reach.ts";
import { PlacedBook, PushPlan, Put, PutBack, PutBackResult, PutResult } from "../src/model/push.ts";

/** More books than this in one message are refused: one giant message would stall calibre. */
export const BOOKS_PER_MESSAGE = 500;

/** As many places that have arrived are told at once. */
export const PLACES_PER_NOTICE = 500;

/** Updates, conflicts and skips of so many books travel in one page of a plan. */
export const BOOKS_PER_PAGE = 500;

export const Hello = z
  .strictObject({
    contract: z.number().int(),
    plugin: z.string(),
    /** Where the disposable cache may be kept; null for none. */
    cache_folder: z.string().nullable(),
  })
  .meta({ id: "Hello" });
export type Hello = z.infer<typeof Hello>;

export const HelloAnswer = z
  .strictObject({
    contract: z.number().int(),
    bridge: z.string(),
    runtime: z.strictObject({ name: z.enum(["node", "deno"]), version: z.string() }),
  })
  .meta({ id: "HelloAnswer" });
export type HelloAnswer = z.infer<typeof HelloAnswer>;

const AccountRequest = z.strictObject({ account: Account }).meta({ id: "AccountRequest" });

/** A server that lets the account in. */
export const AccountAnswer = z
  .strictObject({
    /** The URL that really answers, which may differ from what the reader typed. */
    url: z.string(),
    username: z.string(),
    /** False where the server lets anybody in, or does not say: the first book shows whether the password is right. */
    shown: z.boolean(),
  })
  .meta({ id: "AccountAnswer" });
export type AccountAnswer = z.infer<typeof AccountAnswer>;

const DigestRequest = z.strictObject({ paths: z.array(z.string()).max(10_000) }).meta({ id: "DigestRequest" });

const UnreadableFile = z.strictObject({ path: z.string(), error: z.string() }).meta({ id: "UnreadableFile" });

const DigestAnswer = z
  .strictObject({ files: z.array(z.union([FileDigests, UnreadableFile])) })
  .meta({ id: "DigestAnswer" });

const BooksRequest = z
  .strictObject({ run: z.string().min(1), books: z.array(Book).max(BOOKS_PER_MESSAGE) })
  .meta({ id: "BooksRequest" });

const BooksAnswer = z.strictObject({ received: z.number().int() }).meta({ id: "BooksAnswer" });

const PlanPullRequest = z
  .strictObject({
    run: z.string().min(1),
    /** Null asks no server: what the profile's readers tell is all there is. */
    account: Account.nullable(),
    profile: Profile,
    reach: Reach,
    /** Whether the caller can predict digests: then the run may want some before it goes on. */
    predicts: z.boolean(),
    /** How to decide what planning leaves for a person to decide; null leaves it. */
    settle: ConflictPolicy.nullable(),
  })
  .meta({ id: "PlanPullRequest" });

const PlanPage = z
  .strictObject({
    plan: PullPlan,
    /** Whether `sync/next` has more of this run. */
    more: z.boolean(),
  })
  .meta({ id: "PlanPage" });

const PlanPullAnswer = PlanPage.extend({
  /** Books whose digests are to be predicted and told by `sync/predicted`: then the plan begins with `sync/next`. */
  wants: z.array(z.number().int()),
}).meta({ id: "PlanPullAnswer" });

const PredictedDigests = z
  .strictObject({ book_id: z.number().int(), digests: z.array(KnownDigest) })
  .meta({ id: "PredictedDigests" });

const PredictedRequest = z
  .strictObject({ run: z.string().min(1), books: z.array(PredictedDigests).max(BOOKS_PER_MESSAGE) })
  .meta({ id: "PredictedRequest" });

const BeingReadRequest = z.strictObject({ run: z.string().min(1), profile: Profile }).meta({ id: "BeingReadRequest" });

const BeingReadAnswer = z.strictObject({ book_ids: z.array(z.number().int()) }).meta({ id: "BeingReadAnswer" });

const RunRequest = z.strictObject({ run: z.string().min(1) }).meta({ id: "RunRequest" });

const PlanCarryOverRequest = z
  .strictObject({
    account: Account,
    carry_overs: z.array(CarryOver),
    reading_from: z.number().min(0).max(1),
    /** The reader asked for it: a place may stand in for an older one that a device has put there. */
    on_request: z.boolean(),
  })
  .meta({ id: "PlanCarryOverRequest" });

const CarryOverRequest = z
  .strictObject({
    account: Account,
    /** Made once per library: what we put on a server bears it, so that it is news to nobody of ours. */
    library_id: z.string().min(1),
    /** As `sync/planCarryOver` answered: each is put only where there still stands what it found. */
    due: z.array(CarryOverResult),
  })
  .meta({ id: "CarryOverRequest" });

const PlanMoveRequest = z
  .strictObject({
    /** Where the places go. */
    account: Account,
    /** As they are remembered for the account that is left. */
    books: z.array(RememberedBook),
    reading_from: z.number(),
  })
  .meta({ id: "PlanMoveRequest" });

const ListedDocuments = z
  .strictObject({
    /** The newest first. */
    documents: z.array(ListedDocument),
    /** False when the server, or we, may have left some out. */
    complete: z.boolean(),
  })
  .meta({ id: "ListedDocuments" });

const ListAnswer = z
  .strictObject({
    /** Null where the server cannot list. */
    list: ListedDocuments.nullable(),
  })
  .meta({ id: "ListAnswer" });

const CarryOverAnswer = z.strictObject({ results: z.array(CarryOverResult) }).meta({ id: "CarryOverAnswer" });

const DiagnoseRequest = z
  .strictObject({
    account: Account,
    /** Of one book, to see which of them the server knows; empty for none. */
    digests: z.array(KnownDigest).max(10_000),
  })
  .meta({ id: "DiagnoseRequest" });

const LogRequest = z
  .strictObject({
    observations: z.array(Observation),
    rules: Rules,
    /** IANA name; null is this machine's own. */
    time_zone: z.string().nullable(),
  })
  .meta({ id: "LogRequest" });

const LogExportRequest = z
  .strictObject({
    books: z.array(LoggedBook).max(BOOKS_PER_MESSAGE),
    format: z.enum(["csv", "json"]),
    rules: Rules,
    time_zone: z.string().nullable(),
  })
  .meta({ id: "LogExportRequest" });

const LogExportAnswer = z.strictObject({ text: z.string() }).meta({ id: "LogExportAnswer" });

const Nothing = z.strictObject({}).meta({ id: "Nothing" });

const HostingUsers = z.strictObject({ users: z.array(z.string()) }).meta({ id: "HostingUsers" });

const PlanPushRequest = z
  .strictObject({
    account: Account,
    profile: Profile,
    books: z.array(PlacedBook).max(BOOKS_PER_MESSAGE),
    /** Takes a percentage that the reader typed in the mapped column for a place: for a single book. */
    typed: z.boolean(),
  })
  .meta({ id: "PlanPushRequest" });

const PlanPushAnswer = z.strictObject({ plan: PushPlan }).meta({ id: "PlanPushAnswer" });

const PushRequest = z
  .strictObject({
    account: Account,
    /** Made once per library: other machines know the record as this library's. */
    library_id: z.string().min(1),
    puts: z.array(Put),
  })
  .meta({ id: "PushRequest" });

const PushReport = z.strictObject({ results: z.array(PutResult) }).meta({ id: "PushReport" });

const UndoPushRequest = z
  .strictObject({
    account: Account,
    library_id: z.string().min(1),
    put_backs: z.array(PutBack),
    /** An undo is undone: what is put back is a push again. */
    again: z.boolean(),
  })
  .meta({ id: "UndoPushRequest" });

const UndoPushReport = z.strictObject({ results: z.array(PutBackResult) }).meta({ id: "UndoPushReport" });

const ConvertRequest = z
  .strictObject({ requests: z.array(PlaceRequest).max(BOOKS_PER_MESSAGE) })
  .meta({ id: "ConvertRequest" });

const ConvertAnswer = z.strictObject({ answers: z.array(PlaceAnswer) }).meta({ id: "ConvertAnswer" });

const StatisticsRequest = z
  .strictObject({
    /** A copy that nobody else has open, with the log beside it. */
    path: z.string().min(1),
    /** Copies of further databases of the same reader: a visit to a page that stands in several counts once. */
    beside: z.array(z.string()).max(50),
    /** KOReader's own setting of how long a page counts at most, in seconds. */
    longest: z.number().int().min(1).max(86_400),
    /** IANA name; null is this machine's own. */
    time_zone: z.string().nullable(),
  })
  .meta({ id: "StatisticsRequest" });

const PlanAnnotationsRequest = z
  .strictObject({
    books: z.array(AnnotatedBook).max(BOOKS_PER_MESSAGE),
    target: AnnotationTarget,
    deletions: Deletions,
    /** IANA name of where the readers live; null is this machine's own. */
    time_zone: z.string().nullable(),
  })
  .meta({ id: "PlanAnnotationsRequest" });

const PlanAnnotationsAnswer = z.strictObject({ plans: z.array(AnnotationPlan) }).meta({ id: "PlanAnnotationsAnswer" });

interface Method {
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  /** Whether it changes what a server keeps: it is never asked twice, for nobody knows how far the first time came. */
  readonly writes: boolean;
}

/** Method name -> what it takes and what it answers. */
export const METHODS = {
  "bridge/hello": { params: Hello, result: HelloAnswer, writes: false },
  "account/register": { params: AccountRequest, result: AccountAnswer, writes: true },
  "account/authorize": { params: AccountRequest, result: AccountAnswer, writes: false },
  "digest/compute": { params: DigestRequest, result: DigestAnswer, writes: false },
  "sync/books": { params: BooksRequest, result: BooksAnswer, writes: false },
  /** Which of the run's books are being read; the run ends with it. */
  "sync/beingRead": { params: BeingReadRequest, result: BeingReadAnswer, writes: false },
  /** Asks the server about the run's books; the first page of the plan, where nothing is to be predicted. */
  "sync/planPull": { params: PlanPullRequest, result: PlanPullAnswer, writes: false },
  "sync/predicted": { params: PredictedRequest, result: BooksAnswer, writes: false },
  "sync/planCarryOver": { params: PlanCarryOverRequest, result: CarryOverAnswer, writes: false },
  "sync/planMove": { params: PlanMoveRequest, result: CarryOverAnswer, writes: false },
  "sync/carryOver": { params: CarryOverRequest, result: CarryOverAnswer, writes: true },
  "server/start": { params: HostingOptions, result: HostingStatus, writes: true },
  "server/stop": { params: Nothing, result: HostingStatus, writes: true },
  "server/status": { params: Nothing, result: HostingStatus, writes: false },
  "server/users": { params: HostingUserChange, result: HostingUsers, writes: true },
  "log/tell": { params: LogRequest, result: ReadingStory, writes: false },
  "log/export": { params: LogExportRequest, result: LogExportAnswer, writes: false },
  "diagnose/run": { params: DiagnoseRequest, result: Diagnosis, writes: false },
  "sync/planPush": { params: PlanPushRequest, result: PlanPushAnswer, writes: false },
  "sync/push": { params: PushRequest, result: PushReport, writes: true },
  "sync/undoPush": { params: UndoPushRequest, result: UndoPushReport, writes: true },
  "position/convert": { params: ConvertRequest, result: ConvertAnswer, writes: false },
  /** Proves each annotation in the library's own file, and says what is to be written into calibre's. */
  "annotations/plan": { params: PlanAnnotationsRequest, result: PlanAnnotationsAnswer, writes: false },
  "statistics/read": { params: StatisticsRequest, result: ReadingStatistics, writes: false },
  "documents/list": { params: AccountRequest, result: ListAnswer, writes: false },
  /** Nobody asks for the rest of this run; no trouble where there is none. */
  "sync/end": { params: RunRequest, result: Nothing, writes: false },
  /** The next page of the plan; with the first one after predictions, these are asked about. */
  "sync/next": { params: RunRequest, result: PlanPage, writes: false },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = z.infer<(typeof METHODS)[M]["params"]>;
export type Result<M extends MethodName> = z.infer<(typeof METHODS)[M]["result"]>;

/** From the bridge: how far the request `id` has come. */
const ProgressNotice = z
  .strictObject({ id: z.number().int(), done: z.number(), total: z.number(), label: z.string() })
  .meta({ id: "ProgressNotice" });

/** To the bridge: the request `id` is no longer wanted. */
const CancelNotice = z.strictObject({ id: z.number().int() }).meta({ id: "CancelNotice" });

/** From the bridge: places that have arrived at the server it hosts, of each document the newest. */
const PlacesNotice = z
  .strictObject({ places: z.array(ArrivedPlace).max(PLACES_PER_NOTICE) })
  .meta({ id: "PlacesNotice" });

export const NOTIFICATIONS = {
  "bridge/progress": ProgressNotice,
  "bridge/cancel": CancelNotice,
  "server/places": PlacesNotice,
  /** From the bridge: the last of those who asked the server that it hosts. */
  "server/visit": Visit,
} as const;

/** What the command line asks of a calibre that it has started. */
export { LIBRARY_METHODS } from "../src/model/library.ts";

/** Codes of JSON-RPC itself. */
export const RPC_ERRORS = {
  ParseError: -32700,
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  InvalidParams: -32602,
  InternalError: -32603,
} as const;

/** What both sides agree a line may be. */
export const Request = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.number().int(), z.string(), z.null()]).optional(),
  method: z.string(),
  params: z.unknown().optional(),
});
