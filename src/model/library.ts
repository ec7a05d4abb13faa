/** What the command line and calibre say to each other about a library: each request, and what answers it. */
import * as z from "zod";
import { Account } from "./account.ts";
import { CarryOverResult } from "./carry-over.ts";
import { Digest, KnownDigest } from "./digest.ts";
import { MarkedFile } from "./annotation.ts";
import { AnnotationPlan, AnnotationTarget, NativeAnnotation } from "./native-annotation.ts";
import { BookFormat, ColumnUpdate, PullPlan } from "./plan.ts";
import { ColumnMapping, ConflictPolicy, Profile } from "./profile.ts";
import { PushPlan, PutResult } from "./push.ts";
import { Reach } from "./reach.ts";
import { LoggedBook } from "./reading-log.ts";
import { Why } from "./why.ts";

const BookIds = z.array(z.number().int());

const OpenLibrary = z
  .strictObject({
    library: z.string().min(1),
    /** Works on a copy of the database: the library is left exactly as it is. */
    dry_run: z.boolean(),
    /** Further folders of copy logs, of a calibre in a container for instance. */
    copy_logs: z.array(z.string()),
  })
  .meta({ id: "OpenLibrary" });

const OpenedLibrary = z
  .strictObject({
    book_ids: BookIds,
    /** Of the named folders of copy logs those that could not be read. */
    out_of_reach: z.array(z.string()),
    /** What has to be told of stored things: that they were damaged, or written by a newer version. In sentences. */
    notices: z.array(z.string()),
  })
  .meta({ id: "OpenedLibrary" });

/** A column as it was named: its lookup name, and 100 for a float from 0 to 100 (null: the datatype's own). */
const WantedColumn = z
  .strictObject({ column: z.string(), scale: z.number().int().nullable() })
  .meta({ id: "WantedColumn" });

const MapColumns = z
  .strictObject({
    /** By field. Empty: as calibre's profile has it. */
    columns: z.record(z.string(), WantedColumn),
    url: z.string(),
    username: z.string(),
    /** Whether it is an error when no column is mapped anywhere. */
    needed: z.boolean(),
  })
  .meta({ id: "MapColumns" });

/** The columns of a sync, resolved. */
export const MappedColumns = z
  .strictObject({
    columns: z.array(ColumnMapping),
    /** The id under which this login's base is kept, the same as in the window. */
    account_id: z.string(),
    /** The usual columns that a dry run made in its copy, because none was mapped; else none. */
    made: z.array(z.string()),
  })
  .meta({ id: "MappedColumns" });
export type MappedColumns = z.infer<typeof MappedColumns>;

const LookAtFolders = z
  .strictObject({
    /** Folders of sidecars without a device; an empty name is the folder's own. */
    folders: z.array(z.strictObject({ path: z.string().min(1), name: z.string() }).meta({ id: "NamedFolder" })),
  })
  .meta({ id: "LookAtFolders" });

/** What a look at one folder brought. */
export const FolderLook = z
  .strictObject({
    path: z.string(),
    id: z.string(),
    device: z.string(),
    /** False where nothing of KOReader's lies there: it is not mounted, or empty, or another folder. */
    there: z.boolean(),
    /** Books of the library of which it tells. */
    books: z.number().int(),
    /** What belongs to no book of the library. */
    unmatched: z.number().int(),
    odd: z.array(z.string()),
  })
  .meta({ id: "FolderLook" });
export type FolderLook = z.infer<typeof FolderLook>;

const FolderLooks = z.strictObject({ looks: z.array(FolderLook) }).meta({ id: "FolderLooks" });

/** A device or a folder that was read on this machine. */
export const KnownReader = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    /** Where it lies; null for a device. */
    folder: z.string().nullable(),
    /** Epoch seconds; null where an earlier version looked at it. */
    looked: z.number().nullable(),
    /** How many were opened there. */
    books: z.number().int(),
    /** Whether it was said in the library that is open whose it is; `profile` is that one's name. */
    whose: z.enum(["unasked", "nobody", "profile"]),
    profile: z.string().nullable(),
  })
  .meta({ id: "KnownReader" });
export type KnownReader = z.infer<typeof KnownReader>;

const KnownReaders = z.strictObject({ devices: z.array(KnownReader) }).meta({ id: "KnownReaders" });

/** One pull over a library. */
export const SyncRequest = z
  .strictObject({
    /** Null asks no server. */
    account: Account.nullable(),
    profile: Profile,
    book_ids: BookIds,
    dry_run: z.boolean(),
    reach: Reach,
    /** How to decide what planning leaves for a person to decide; null leaves it. */
    settle: ConflictPolicy.nullable(),
    /** Whether to ask also about copies that nobody saw leaving calibre. */
    predict: z.boolean(),
    /** The devices and folders whose word counts, by id; null: those of the profile of this id. */
    readers: z.array(z.string()).nullable(),
  })
  .meta({ id: "SyncRequest" });
export type SyncRequest = z.infer<typeof SyncRequest>;

/** What a pull planned and did. */
export const SyncReport = z
  .strictObject({
    /** Of the books that the plan names, by id. */
    titles: z.record(z.string(), z.string()),
    plan: PullPlan,
    written: z.array(ColumnUpdate),
    /** Left alone: the cell had changed since it was read. */
    stale: z.array(ColumnUpdate),
    failed: z.array(z.strictObject({ update: ColumnUpdate, error: z.string() })),
    carried: z.array(CarryOverResult),
  })
  .meta({ id: "SyncReport" });
export type SyncReport = z.infer<typeof SyncReport>;

/** One push out of a library. */
export const LibraryPushRequest = z
  .strictObject({
    account: Account,
    profile: Profile,
    book_ids: BookIds,
    dry_run: z.boolean(),
    /** Takes the percentage in the mapped column for a place, if the reader changed it: for a single book. */
    typed: z.boolean(),
    /** The content server's users whose places count. */
    users: z.array(z.string()),
  })
  .meta({ id: "LibraryPushRequest" });
export type LibraryPushRequest = z.infer<typeof LibraryPushRequest>;

/** What a push planned and did. */
export const LibraryPushReport = z
  .strictObject({ plan: PushPlan, results: z.array(PutResult), written: z.array(ColumnUpdate) })
  .meta({ id: "LibraryPushReport" });
export type LibraryPushReport = z.infer<typeof LibraryPushReport>;

/** Reading that moves to `account` from another one, which may no longer answer. */
export const LibraryMoveRequest = z
  .strictObject({
    account: Account,
    profile: Profile,
    /** The account that is left, as it was typed. */
    source: z.strictObject({ url: z.string(), username: z.string() }).meta({ id: "LeftAccount" }),
    book_ids: BookIds,
    dry_run: z.boolean(),
  })
  .meta({ id: "LibraryMoveRequest" });
export type LibraryMoveRequest = z.infer<typeof LibraryMoveRequest>;

/** What a move planned, and what became of it: nothing is `due` any more once it was done. */
export const LibraryMoveReport = z
  .strictObject({
    /** Of how many books anything is remembered for the account that is left. */
    remembered: z.number().int(),
    results: z.array(CarryOverResult),
  })
  .meta({ id: "LibraryMoveReport" });
export type LibraryMoveReport = z.infer<typeof LibraryMoveReport>;

const TheseBooks = z.strictObject({ book_ids: BookIds }).meta({ id: "TheseBooks" });

const LoggedBooks = z.strictObject({ books: z.array(LoggedBook) }).meta({ id: "LoggedBooks" });

const OneBook = z.strictObject({ book_id: z.number().int() }).meta({ id: "OneBook" });

/** All digests of one book: known ones first, then those that its copies would have now. */
export const BookCopies = z
  .strictObject({
    title: z.string(),
    digests: z.array(KnownDigest),
    /** What the reader said is not this book's. */
    unlinked: z.array(z.string()),
  })
  .meta({ id: "BookCopies" });
export type BookCopies = z.infer<typeof BookCopies>;

const LinkDigest = z.strictObject({ book_id: z.number().int(), digest: Digest }).meta({ id: "LinkDigest" });

const UnlinkDigest = z
  .strictObject({
    book_id: z.number().int(),
    digest: Digest,
    /** Whether what the digest wrote is put back; otherwise it is only told. */
    restore: z.boolean(),
  })
  .meta({ id: "UnlinkDigest" });

/** What an unlinked digest had written: put back, or still there and as it was written. */
export const Unlinked = z
  .strictObject({ restored: z.array(ColumnUpdate), restorable: z.array(ColumnUpdate) })
  .meta({ id: "Unlinked" });
export type Unlinked = z.infer<typeof Unlinked>;

const Examine = z.strictObject({ device: z.string().nullable() }).meta({ id: "Examine" });

/** What lies on a mounted card or folder of a reader. */
export const SeenCard = z
  .strictObject({
    books: z.number().int(),
    /** How far the reader is, by the digest that KOReader keeps beside a book; null where it does not say. */
    sidecars: z.record(z.string(), z.number().nullable()),
    /** Sidecars that cannot be read, or not in full. */
    odd: z.number().int(),
  })
  .meta({ id: "SeenCard" });
export type SeenCard = z.infer<typeof SeenCard>;

/** The version of calibre, and what lies in a folder where one was named; no library need be open. */
const Examined = z.strictObject({ calibre: z.string(), card: SeenCard.nullable() }).meta({ id: "Examined" });

const FindAnnotations = z
  .strictObject({
    book_ids: BookIds,
    /** Cards and folders in which KOReader keeps its sidecars. */
    folders: z.array(z.string().min(1)),
    /** Of whom in calibre to tell what they have; null of nobody. */
    target: AnnotationTarget.nullable(),
  })
  .meta({ id: "FindAnnotations" });

/** A book of the library that a reader has marked something in. */
export const AnnotatedBook = z
  .strictObject({
    book_id: z.number().int(),
    uuid: z.string(),
    title: z.string(),
    authors: z.array(z.string()),
    formats: z.array(BookFormat),
    /** As they were found: what is in two of them stands in both. */
    files: z.array(MarkedFile),
    /** What calibre holds for the target, marks of removed ones too. */
    standing: z.array(NativeAnnotation),
    /** What is remembered of it; null for nothing. */
    kept: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: "AnnotatedBook" });
export type AnnotatedBook = z.infer<typeof AnnotatedBook>;

/** Everything that was found below some folders. */
export const FoundAnnotations = z
  .strictObject({
    books: z.array(AnnotatedBook),
    /** Marked books of the reader that are none of the library's. */
    unmatched: z.array(z.strictObject({ title: z.string(), annotations: z.number().int() })),
    /** Files that could not be read, or not in full. */
    odd: z.number().int(),
  })
  .meta({ id: "FoundAnnotations" });
export type FoundAnnotations = z.infer<typeof FoundAnnotations>;

const KeepAnnotations = z
  .strictObject({ target: AnnotationTarget, plans: z.array(AnnotationPlan) })
  .meta({ id: "KeepAnnotations" });

/** What was written of some plans. */
export const AnnotationReport = z
  .strictObject({
    /** The run's name in the write journal; null when nothing was to be written. */
    run: z.string().nullable(),
    written: z.number().int(),
    /** Left alone: it was changed in calibre since it was read. */
    stale: z.number().int(),
  })
  .meta({ id: "AnnotationReport" });
export type AnnotationReport = z.infer<typeof AnnotationReport>;

/** Null is the newest run that wrote annotations and still has something to undo. */
const UndoAnnotations = z.strictObject({ run: z.string().nullable() }).meta({ id: "UndoAnnotations" });

const Reasons = z.strictObject({ reasons: z.array(Why) }).meta({ id: "Reasons" });

const Sentences = z.strictObject({ sentences: z.array(z.string()) }).meta({ id: "Sentences" });

const Empty = z.strictObject({}).meta({ id: "Empty" });

/** Request -> what it takes and what it answers. `stop` has no answer: what is under way ends with its own. */
export const LIBRARY_METHODS = {
  open: { params: OpenLibrary, result: OpenedLibrary },
  map: { params: MapColumns, result: MappedColumns },
  look: { params: LookAtFolders, result: FolderLooks },
  devices: { params: Empty, result: KnownReaders },
  sync: { params: SyncRequest, result: SyncReport },
  push: { params: LibraryPushRequest, result: LibraryPushReport },
  move: { params: LibraryMoveRequest, result: LibraryMoveReport },
  log: { params: TheseBooks, result: LoggedBooks },
  copies: { params: OneBook, result: BookCopies },
  examine: { params: Examine, result: Examined },
  annotations: { params: FindAnnotations, result: FoundAnnotations },
  keep_annotations: { params: KeepAnnotations, result: AnnotationReport },
  undo_annotations: { params: UndoAnnotations, result: AnnotationReport },
  link: { params: LinkDigest, result: Empty },
  unlink: { params: UnlinkDigest, result: Unlinked },
  explain: { params: Reasons, result: Sentences },
  close: { params: Empty, result: Empty },
} as const;

export type LibraryMethod = keyof typeof LIBRARY_METHODS;
export type LibraryParams<M extends LibraryMethod> = z.infer<(typeof LIBRARY_METHODS)[M]["params"]>;
export type LibraryResult<M extends LibraryMethod> = z.infer<(typeof LIBRARY_METHODS)[M]["result"]>;

/** A line of calibre's: what answers the request of this id; 0 is its first word. */
export const LibraryAnswer = z.union([
  z.strictObject({ id: z.number().int(), result: z.unknown() }),
  /** How far it has come, in words; the answer follows. */
  z.strictObject({ id: z.number().int(), progress: z.string() }),
  z.strictObject({
    id: z.number().int(),
    error: z.strictObject({
      /** A SyncError's name, or one of the library's own that the command line has a sentence for. */
      name: z.string(),
      code: z.number().int().optional(),
      data: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
    }),
  }),
]);
export type LibraryAnswer = z.infer<typeof LibraryAnswer>;
