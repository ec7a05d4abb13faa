"""What crosses between calibre and the bridge. Generated from bridge/contract.ts by `npm run contract`: do not edit."""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict, get_args


CONTRACT_VERSION: Final = 1

BOOKS_PER_MESSAGE: Final = 500

LONGEST_REVIEW: Final = 100000

MOST_DAYS: Final = 20000

SyncErrorName = Literal[
    "ContractMismatch",
    "Cancelled",
    "ServerUnreachable",
    "NotKosyncServer",
    "Unauthorized",
    "UsernameTaken",
    "RegistrationClosed",
    "ServerRefused",
    "CertificateRefused",
    "BehindLogin",
    "OtherAddress",
    "BookUnreadable",
    "PortTaken",
    "StoreUnavailable",
]

SYNC_ERRORS: Final[dict[SyncErrorName, int]] = {
    "ContractMismatch": 1001,
    "Cancelled": 1002,
    "ServerUnreachable": 2001,
    "NotKosyncServer": 2002,
    "Unauthorized": 2003,
    "UsernameTaken": 2004,
    "RegistrationClosed": 2005,
    "ServerRefused": 2006,
    "CertificateRefused": 2007,
    "BehindLogin": 2008,
    "OtherAddress": 2009,
    "BookUnreadable": 3001,
    "PortTaken": 4001,
    "StoreUnavailable": 4002,
}

RPC_ERRORS: Final[dict[str, int]] = {
    "ParseError": -32700,
    "InvalidRequest": -32600,
    "MethodNotFound": -32601,
    "InvalidParams": -32602,
    "InternalError": -32603,
}

WRITING_METHODS: Final = frozenset(
    (
        "account/register",
        "sync/carryOver",
        "server/start",
        "server/stop",
        "server/users",
        "sync/push",
        "sync/undoPush",
    )
)


class Hello(TypedDict):
    contract: int
    plugin: str
    cache_folder: str | None


class HelloAnswerRuntime(TypedDict):
    name: Literal["node", "deno"]
    version: str


class HelloAnswer(TypedDict):
    contract: int
    bridge: str
    runtime: HelloAnswerRuntime


class TlsSystem(TypedDict):
    mode: Literal["system"]


class TlsCaFile(TypedDict):
    mode: Literal["ca_file"]
    path: str


class TlsFingerprint(TypedDict):
    mode: Literal["fingerprint"]
    sha256: str


class TlsNone(TypedDict):
    mode: Literal["none"]


Tls = TlsSystem | TlsCaFile | TlsFingerprint | TlsNone


class Account(TypedDict):
    id: str
    url: str
    username: str
    userkey: str
    headers: dict[str, str]
    tls: Tls
    proxy: str | None


class AccountRequest(TypedDict):
    account: Account


class AccountAnswer(TypedDict):
    url: str
    username: str
    shown: bool


class DigestRequest(TypedDict):
    paths: list[str]


Digest = str


class FileDigests(TypedDict):
    path: str
    size: int
    partial_md5: Digest
    filename: Digest


class UnreadableFile(TypedDict):
    path: str
    error: str


class DigestAnswer(TypedDict):
    files: list[FileDigests | UnreadableFile]


class BookFormat(TypedDict):
    format: str
    path: str
    size: int
    mtime: float


Cell = str | float | bool | None


class Base(TypedDict):
    book_id: int
    document: str
    percentage: float
    progress: str
    timestamp: float | None
    device: str
    values: dict[str, Cell]


class Declined(TypedDict):
    side: Literal["theirs", "ours"]
    document: str
    percentage: float
    progress: str
    timestamp: float | None
    at: float


Document = str

Share = float


class Progress(TypedDict):
    document: Document
    percentage: Share
    progress: str
    device: str
    device_id: str | None
    timestamp: float | None


class Observation(TypedDict):
    book_id: int
    at: float
    progress: Progress


SidecarStatus = Literal["reading", "complete", "abandoned"]

SIDECAR_STATUSES: Final[tuple[SidecarStatus, ...]] = get_args(SidecarStatus)


class DeviceMark(TypedDict):
    device: str
    status: SidecarStatus
    at: float | None


ReadingSource = Literal["sidecar", "statistics"]

READING_SOURCES: Final[tuple[ReadingSource, ...]] = get_args(ReadingSource)

ReadDays = list[int]


class DeviceReading(TypedDict):
    digest: Digest
    source: ReadingSource
    device: str
    device_id: str
    at: float | None
    percentage: Share | None
    progress: str | None
    status: SidecarStatus | None
    marked: float | None
    rating: int | None
    review: str | None
    read_time: float | None
    read_on: ReadDays | None
    time_left: float | None
    started: float | None
    last_read: float | None


DigestKind = Literal["partial_md5", "filename"]

DIGEST_KINDS: Final[tuple[DigestKind, ...]] = get_args(DigestKind)

DigestSource = Literal[
    "linked", "sidecar", "sent", "written", "device", "statistics", "imported", "library", "predicted"
]

DIGEST_SOURCES: Final[tuple[DigestSource, ...]] = get_args(DigestSource)

ContentKey = str


class KnownDigest(TypedDict):
    digest: Digest
    kind: DigestKind
    source: DigestSource
    format: str | None
    name: str | None
    size: int | None
    content_key: ContentKey | None
    device: str | None
    first_seen: float
    last_seen: float
    answered: float | None


class Book(TypedDict):
    book_id: int
    uuid: str
    title: str
    authors: list[str]
    formats: list[BookFormat]
    cells: dict[str, Cell]
    base: Base | None
    changed_at: dict[str, float]
    written: dict[str, Cell]
    declined: list[Declined]
    observations: list[Observation]
    marks: list[DeviceMark]
    readings: list[DeviceReading]
    digests: list[KnownDigest]
    added: float
    news: float
    names: list[str]


class BooksRequest(TypedDict):
    run: str
    books: list[Book]


class BooksAnswer(TypedDict):
    received: int


Matching = Literal["binary", "filename", "both"]

MATCHINGS: Final[tuple[Matching, ...]] = get_args(Matching)

ColumnField = Literal[
    "percent",
    "status",
    "place",
    "device",
    "last_read",
    "started",
    "finished",
    "times_read",
    "rating",
    "review",
    "read_time",
    "days_read",
    "time_left",
    "last_synced",
    "location",
]

COLUMN_FIELDS: Final[tuple[ColumnField, ...]] = get_args(ColumnField)

ColumnDatatype = Literal[
    "int", "float", "text", "comments", "enumeration", "bool", "datetime", "rating", "series", "composite"
]

COLUMN_DATATYPES: Final[tuple[ColumnDatatype, ...]] = get_args(ColumnDatatype)

InterpretAs = Literal["html", "markdown", "long-text", "short-text"]

INTERPRET_ASES: Final[tuple[InterpretAs, ...]] = get_args(InterpretAs)


class ColumnMappingRequired(TypedDict):
    field: ColumnField
    column: str
    datatype: ColumnDatatype
    scale: Literal[1] | Literal[100]
    enum_values: list[str]


class ColumnMapping(ColumnMappingRequired, total=False):
    interpret_as: InterpretAs


ConflictPolicy = Literal["newest", "furthest", "server", "library", "ask"]

CONFLICT_POLICIES: Final[tuple[ConflictPolicy, ...]] = get_args(ConflictPolicy)

Reread = Literal["ask", "count", "ignore"]

REREADS: Final[tuple[Reread, ...]] = get_args(Reread)


class StatusWords(TypedDict):
    unread: str
    reading: str
    finished: str


class Rules(TypedDict):
    conflict: ConflictPolicy
    finish_at: float
    reading_from: float
    reread: Reread
    larger_step: float
    status_words: StatusWords


class Profile(TypedDict):
    id: str
    matching: Matching
    columns: list[ColumnMapping]
    rules: Rules
    ran_before: bool
    time_zone: str | None


class BeingReadRequest(TypedDict):
    run: str
    profile: Profile


class BeingReadAnswer(TypedDict):
    book_ids: list[int]


Reach = Literal["quiet", "usual", "everything", "chosen"]

REACHS: Final[tuple[Reach, ...]] = get_args(Reach)


class PlanPullRequest(TypedDict):
    run: str
    account: Account | None
    profile: Profile
    reach: Reach
    predicts: bool
    settle: ConflictPolicy | None


WhyCode = Literal[
    "first_seen",
    "read_on",
    "step_back_chosen",
    "step_back_small",
    "same_place",
    "policy_newest",
    "policy_furthest",
    "policy_server",
    "too_close",
    "new_column",
    "started",
    "finished",
    "finished_on_device",
    "reread",
    "times_read",
    "told",
    "started_told",
    "finished_told",
    "synced",
    "undone",
    "both_changed",
    "step_back",
    "no_base_differs",
    "status_differs",
    "reread_ask",
    "unchanged",
    "not_on_server",
    "not_on_reader",
    "not_asked",
    "allowance_spent",
    "own_record",
    "peek",
    "declined",
    "older_record",
    "undated_behind",
    "changed_here",
    "library_newer",
    "library_further",
    "policy_library",
    "finished_stays",
    "reread_ignored",
    "document_of_another",
    "document_ambiguous",
    "no_candidates",
    "book_gone",
    "book_unreadable",
    "memory_mended",
    "answer_failed",
    "not_reached",
    "own_word",
    "status_kept",
    "place_untold",
    "told_kept",
    "column_gone",
    "column_unfit",
    "not_in_enumeration",
    "write_refused",
    "unticked",
    "push_place",
    "push_first",
    "push_typed",
    "push_both_changed",
    "push_step_back",
    "push_finished",
    "push_nothing_new",
    "push_protected",
    "push_unreadable",
    "push_place_lost",
    "push_same_place",
    "push_came_from_server",
    "push_server_newer",
    "push_server_further",
    "push_policy_server",
    "push_not_verified",
    "push_no_document",
    "push_many",
    "push_peek",
    "push_taken_back",
    "push_undone",
    "push_removed",
    "push_superseded",
    "push_stays",
    "carried_over",
    "offer_again",
    "offer_replaced",
    "offer_same_place",
    "offer_read_there",
    "offer_newer_there",
    "offer_moved_on",
    "offer_failed",
    "moved",
    "move_stands",
    "move_waits",
    "offer_no_place",
    "offer_pages_alike",
    "first_run",
    "no_base",
]

WHY_CODES: Final[tuple[WhyCode, ...]] = get_args(WhyCode)


class Why(TypedDict):
    code: WhyCode
    data: dict[str, Cell]


class ColumnUpdate(TypedDict):
    book_id: int
    column: str
    before: Cell
    after: Cell
    why: Why


class Conflict(TypedDict):
    book_id: int
    theirs: Progress
    updates: list[ColumnUpdate]
    base: Base
    why: Why
    side: Literal["theirs", "ours"] | None


class Skip(TypedDict):
    book_id: int
    reason: Why


class Placeless(TypedDict):
    book_id: int
    document: str
    percentage: Literal[0]
    progress: Literal[""]
    timestamp: None


class DigestFinding(TypedDict):
    book_id: int
    digest: KnownDigest


class LocalChange(TypedDict):
    book_id: int
    column: str
    at: float


class CarryOver(TypedDict):
    book_id: int
    document: Document
    progress: Progress


class PullPlan(TypedDict):
    updates: list[ColumnUpdate]
    conflicts: list[Conflict]
    skipped: list[Skip]
    unanswered: list[int]
    bases: list[Base]
    placeless: list[Placeless]
    observations: list[Observation]
    digests: list[DigestFinding]
    local_changes: list[LocalChange]
    carry_overs: list[CarryOver]
    review: list[Why]


class PlanPullAnswer(TypedDict):
    plan: PullPlan
    more: bool
    wants: list[int]


class PredictedDigests(TypedDict):
    book_id: int
    digests: list[KnownDigest]


class PredictedRequest(TypedDict):
    run: str
    books: list[PredictedDigests]


class PlanCarryOverRequest(TypedDict):
    account: Account
    carry_overs: list[CarryOver]
    reading_from: float
    on_request: bool


class CarryOverResult(TypedDict):
    carry_over: CarryOver
    outcome: Literal["due", "carried", "not_needed", "failed"]
    found: Progress | None
    timestamp: float | None
    why: Why


class CarryOverAnswer(TypedDict):
    results: list[CarryOverResult]


class RememberedBook(TypedDict):
    book_id: int
    base: Base | None
    observations: list[Observation]
    declined: list[Declined]
    digests: list[KnownDigest]


class PlanMoveRequest(TypedDict):
    account: Account
    books: list[RememberedBook]
    reading_from: float


class CarryOverRequest(TypedDict):
    account: Account
    library_id: str
    due: list[CarryOverResult]


class Behind(TypedDict):
    secret: str
    base_path: str
    vouches: bool


class HostingOptions(TypedDict):
    host: str
    port: int
    data: str
    registration: Literal["open", "closed"]
    behind: Behind | None


class HostingStatus(TypedDict):
    running: bool
    port: int | None
    urls: list[str]


class Nothing(TypedDict):
    pass


class HostingUserChangeList(TypedDict):
    action: Literal["list"]
    data: str


class HostingUserChangeAdd(TypedDict):
    action: Literal["add"]
    data: str
    username: str
    userkey: str


class HostingUserChangePassword(TypedDict):
    action: Literal["password"]
    data: str
    username: str
    userkey: str


class HostingUserChangeDelete(TypedDict):
    action: Literal["delete"]
    data: str
    username: str


HostingUserChange = HostingUserChangeList | HostingUserChangeAdd | HostingUserChangePassword | HostingUserChangeDelete


class HostingUsers(TypedDict):
    users: list[str]


class LogRequest(TypedDict):
    observations: list[Observation]
    rules: Rules
    time_zone: str | None


class ReadThrough(TypedDict):
    started: float | None
    finished: float | None
    days: int


class ReadingStoryPointsItem(TypedDict):
    at: float
    percentage: float
    device: str


class ReadingStory(TypedDict):
    days: list[str]
    readings: list[ReadThrough]
    times_read: int
    time_to_finish: float | None
    points: list[ReadingStoryPointsItem]


class LoggedBook(TypedDict):
    uuid: str
    title: str
    authors: list[str]
    observations: list[Observation]


class LogExportRequest(TypedDict):
    books: list[LoggedBook]
    format: Literal["csv", "json"]
    rules: Rules
    time_zone: str | None


class LogExportAnswer(TypedDict):
    text: str


class DiagnoseRequest(TypedDict):
    account: Account
    digests: list[KnownDigest]


class CheckError(TypedDict):
    name: str
    data: dict[str, str | float | None]


class Check(TypedDict):
    name: Literal["find_server", "log_in", "ask", "list", "ask_book"]
    ok: bool
    took: float
    error: CheckError | None


class Finding(TypedDict):
    about: Literal["address", "proxy", "certificate", "login", "clock", "server", "matching", "book"]
    level: Literal["good", "note", "bad"]
    says: str
    advice: str


class Diagnosis(TypedDict):
    url: str | None
    checks: list[Check]
    findings: list[Finding]


class KeptPlace(TypedDict):
    source: Literal["viewer", "content_server"]
    format: str
    cfi: str
    at: float
    delivered: str | None


class PlacedBook(TypedDict):
    book: Book
    places: list[KeptPlace]


class PlanPushRequest(TypedDict):
    account: Account
    profile: Profile
    books: list[PlacedBook]
    typed: bool


class Put(TypedDict):
    book_id: int
    document: Document
    progress: str
    percentage: Share
    before: Progress | None
    why: Why


class PushConflict(TypedDict):
    book_id: int
    theirs: Progress
    puts: list[Put]
    updates: list[ColumnUpdate]
    base: Base
    why: Why


class PushPlan(TypedDict):
    puts: list[Put]
    conflicts: list[PushConflict]
    skipped: list[Skip]
    updates: list[ColumnUpdate]
    bases: list[Base]


class PlanPushAnswer(TypedDict):
    plan: PushPlan


class PushRequest(TypedDict):
    account: Account
    library_id: str
    puts: list[Put]


class PutResult(TypedDict):
    put: Put
    outcome: Literal["put", "changed", "failed"]
    timestamp: float | None
    error: str | None


class PushReport(TypedDict):
    results: list[PutResult]


class PutBackOurs(TypedDict):
    progress: str
    percentage: Share


class PutBack(TypedDict):
    book_id: int
    document: Document
    ours: PutBackOurs | None
    before: Progress | None


class UndoPushRequest(TypedDict):
    account: Account
    library_id: str
    put_backs: list[PutBack]
    again: bool


class PutBackResult(TypedDict):
    put_back: PutBack
    outcome: Literal["restored", "removed", "left", "failed"]
    timestamp: float | None
    why: Why


class UndoPushReport(TypedDict):
    results: list[PutBackResult]


class PlaceRequestRequired(TypedDict):
    book_id: int
    formats: list[BookFormat]
    digests: list[KnownDigest]
    document: Document
    progress: str


class PlaceRequest(PlaceRequestRequired, total=False):
    percentage: Share
    standing: list[str]


class ConvertRequest(TypedDict):
    requests: list[PlaceRequest]


class PlaceInWords(TypedDict):
    chapter: str | None
    sentence: str


PositionQuality = Literal["text", "element", "fragment", "percent"]

POSITION_QUALITIES: Final[tuple[PositionQuality, ...]] = get_args(PositionQuality)


class ViewerPlace(TypedDict):
    format: str
    path: str
    cfi: str
    quality: PositionQuality
    text: str


class PlaceAnswer(TypedDict):
    book_id: int
    words: PlaceInWords | None
    places: list[ViewerPlace]


class ConvertAnswer(TypedDict):
    answers: list[PlaceAnswer]


Drawer = Literal["lighten", "underscore", "strikeout", "invert"]

DRAWERS: Final[tuple[Drawer, ...]] = get_args(Drawer)

HighlightColor = Literal["red", "orange", "yellow", "green", "olive", "cyan", "blue", "purple", "gray"]

HIGHLIGHT_COLORS: Final[tuple[HighlightColor, ...]] = get_args(HighlightColor)


class FoundAnnotation(TypedDict):
    kind: Literal["highlight", "bookmark"]
    created: str
    updated: str | None
    page: str
    pos0: str | None
    pos1: str | None
    text: str | None
    edited: bool
    note: str | None
    drawer: Drawer | None
    color: HighlightColor | None
    chapter: str | None
    page_label: str | None
    device: str


class MarkedFile(TypedDict):
    device: str
    path: str
    digest: str | None
    modified: float
    whole: bool
    annotations: list[FoundAnnotation]


CalibreAnnotation = dict[str, Any]


class NativeAnnotation(TypedDict):
    format: str
    annotation: CalibreAnnotation


class AnnotatedBook(TypedDict):
    book_id: int
    uuid: str
    title: str
    authors: list[str]
    formats: list[BookFormat]
    files: list[MarkedFile]
    standing: list[NativeAnnotation]
    kept: dict[str, Any] | None


AnnotationTarget = str

Deletions = Literal["keep", "follow", "all"]

DELETIONSES: Final[tuple[Deletions, ...]] = get_args(Deletions)


class PlanAnnotationsRequest(TypedDict):
    books: list[AnnotatedBook]
    target: AnnotationTarget
    deletions: Deletions
    time_zone: str | None


class AnnotationWrite(TypedDict):
    uuid: str
    kind: Literal["highlight", "bookmark"]
    text: str | None
    note: str | None
    chapter: str | None
    page_label: str | None
    why: Literal["new", "changed", "moved", "removed"]
    by: Literal["ends", "search", "place"] | None
    format: str
    before: CalibreAnnotation | None
    after: CalibreAnnotation
    kept: dict[str, Any]


UnplacedReason = Literal[
    "paged",
    "no_text_file",
    "protected",
    "no_ends",
    "text_edited",
    "several_files",
    "ill_formed",
    "text_differs",
    "not_unique",
    "place_lost",
]

UNPLACED_REASONS: Final[tuple[UnplacedReason, ...]] = get_args(UnplacedReason)


class LeftAnnotation(TypedDict):
    uuid: str
    kind: Literal["highlight", "bookmark"]
    text: str | None
    note: str | None
    chapter: str | None
    page_label: str | None
    reason: UnplacedReason


class AnnotationPlan(TypedDict):
    book_id: int
    writes: list[AnnotationWrite]
    asked: list[AnnotationWrite]
    left: list[LeftAnnotation]
    standing: int
    kept: dict[str, Any]


class PlanAnnotationsAnswer(TypedDict):
    plans: list[AnnotationPlan]


class StatisticsRequest(TypedDict):
    path: str
    beside: list[str]
    longest: int
    time_zone: str | None


class DocumentStatistics(TypedDict):
    digest: Digest
    title: str | None
    authors: list[str]
    last_open: float | None
    pages: int | None
    read: int | None
    read_time: int
    read_on: ReadDays
    pace: float | None
    time_left: int | None
    started: float | None
    last_read: float | None


StatisticsOddity = Literal[
    "unreadable",
    "too_large",
    "not_a_database",
    "no_book_table",
    "no_plain_table",
    "endless",
    "text_not_utf8",
    "blob_for_text",
]

STATISTICS_ODDITIES: Final[tuple[StatisticsOddity, ...]] = get_args(StatisticsOddity)


class ReadingStatistics(TypedDict):
    documents: list[DocumentStatistics] | None
    odd: StatisticsOddity | None


class DocumentMetadata(TypedDict, total=False):
    filename: str | None
    title: str | None
    authors: str | None


class ListedDocument(TypedDict):
    progress: Progress
    metadata: DocumentMetadata | None


class ListedDocuments(TypedDict):
    documents: list[ListedDocument]
    complete: bool


class ListAnswer(TypedDict):
    list: ListedDocuments | None


class RunRequest(TypedDict):
    run: str


class PlanPage(TypedDict):
    plan: PullPlan
    more: bool


class ProgressNotice(TypedDict):
    id: int
    done: float
    total: float
    label: str


class CancelNotice(TypedDict):
    id: int


class ArrivedPlace(TypedDict):
    username: str
    document: str
    device: str
    device_id: str | None
    percentage: float
    timestamp: int


class PlacesNotice(TypedDict):
    places: list[ArrivedPlace]


class Visit(TypedDict):
    username: str
    admitted: bool


class OpenLibrary(TypedDict):
    library: str
    dry_run: bool
    copy_logs: list[str]


class OpenedLibrary(TypedDict):
    book_ids: list[int]
    out_of_reach: list[str]
    notices: list[str]


class WantedColumn(TypedDict):
    column: str
    scale: int | None


class MapColumns(TypedDict):
    columns: dict[str, WantedColumn]
    url: str
    username: str
    needed: bool


class MappedColumns(TypedDict):
    columns: list[ColumnMapping]
    account_id: str
    made: list[str]


class NamedFolder(TypedDict):
    path: str
    name: str


class LookAtFolders(TypedDict):
    folders: list[NamedFolder]


class FolderLook(TypedDict):
    path: str
    id: str
    device: str
    there: bool
    books: int
    unmatched: int
    odd: list[str]


class FolderLooks(TypedDict):
    looks: list[FolderLook]


class Empty(TypedDict):
    pass


class KnownReader(TypedDict):
    id: str
    name: str
    folder: str | None
    looked: float | None
    books: int
    whose: Literal["unasked", "nobody", "profile"]
    profile: str | None


class KnownReaders(TypedDict):
    devices: list[KnownReader]


class SyncRequest(TypedDict):
    account: Account | None
    profile: Profile
    book_ids: list[int]
    dry_run: bool
    reach: Reach
    settle: ConflictPolicy | None
    predict: bool
    readers: list[str] | None


class SyncReportFailedItem(TypedDict):
    update: ColumnUpdate
    error: str


class SyncReport(TypedDict):
    titles: dict[str, str]
    plan: PullPlan
    written: list[ColumnUpdate]
    stale: list[ColumnUpdate]
    failed: list[SyncReportFailedItem]
    carried: list[CarryOverResult]


class LibraryPushRequest(TypedDict):
    account: Account
    profile: Profile
    book_ids: list[int]
    dry_run: bool
    typed: bool
    users: list[str]


class LibraryPushReport(TypedDict):
    plan: PushPlan
    results: list[PutResult]
    written: list[ColumnUpdate]


class LeftAccount(TypedDict):
    url: str
    username: str


class LibraryMoveRequest(TypedDict):
    account: Account
    profile: Profile
    source: LeftAccount
    book_ids: list[int]
    dry_run: bool


class LibraryMoveReport(TypedDict):
    remembered: int
    results: list[CarryOverResult]


class TheseBooks(TypedDict):
    book_ids: list[int]


class LoggedBooks(TypedDict):
    books: list[LoggedBook]


class OneBook(TypedDict):
    book_id: int


class BookCopies(TypedDict):
    title: str
    digests: list[KnownDigest]
    unlinked: list[str]


class Examine(TypedDict):
    device: str | None


class SeenCard(TypedDict):
    books: int
    sidecars: dict[str, float | None]
    odd: int


class Examined(TypedDict):
    calibre: str
    card: SeenCard | None


class FindAnnotations(TypedDict):
    book_ids: list[int]
    folders: list[str]
    target: AnnotationTarget | None


class FoundAnnotationsUnmatchedItem(TypedDict):
    title: str
    annotations: int


class FoundAnnotations(TypedDict):
    books: list[AnnotatedBook]
    unmatched: list[FoundAnnotationsUnmatchedItem]
    odd: int


class KeepAnnotations(TypedDict):
    target: AnnotationTarget
    plans: list[AnnotationPlan]


class AnnotationReport(TypedDict):
    run: str | None
    written: int
    stale: int


class UndoAnnotations(TypedDict):
    run: str | None


class LinkDigest(TypedDict):
    book_id: int
    digest: Digest


class UnlinkDigest(TypedDict):
    book_id: int
    digest: Digest
    restore: bool


class Unlinked(TypedDict):
    restored: list[ColumnUpdate]
    restorable: list[ColumnUpdate]


class Reasons(TypedDict):
    reasons: list[Why]


class Sentences(TypedDict):
    sentences: list[str]


METHODS: Final[dict[str, tuple[object, object]]] = {
    "bridge/hello": (Hello, HelloAnswer),
    "account/register": (AccountRequest, AccountAnswer),
    "account/authorize": (AccountRequest, AccountAnswer),
    "digest/compute": (DigestRequest, DigestAnswer),
    "sync/books": (BooksRequest, BooksAnswer),
    "sync/beingRead": (BeingReadRequest, BeingReadAnswer),
    "sync/planPull": (PlanPullRequest, PlanPullAnswer),
    "sync/predicted": (PredictedRequest, BooksAnswer),
    "sync/planCarryOver": (PlanCarryOverRequest, CarryOverAnswer),
    "sync/planMove": (PlanMoveRequest, CarryOverAnswer),
    "sync/carryOver": (CarryOverRequest, CarryOverAnswer),
    "server/start": (HostingOptions, HostingStatus),
    "server/stop": (Nothing, HostingStatus),
    "server/status": (Nothing, HostingStatus),
    "server/users": (HostingUserChange, HostingUsers),
    "log/tell": (LogRequest, ReadingStory),
    "log/export": (LogExportRequest, LogExportAnswer),
    "diagnose/run": (DiagnoseRequest, Diagnosis),
    "sync/planPush": (PlanPushRequest, PlanPushAnswer),
    "sync/push": (PushRequest, PushReport),
    "sync/undoPush": (UndoPushRequest, UndoPushReport),
    "position/convert": (ConvertRequest, ConvertAnswer),
    "annotations/plan": (PlanAnnotationsRequest, PlanAnnotationsAnswer),
    "statistics/read": (StatisticsRequest, ReadingStatistics),
    "documents/list": (AccountRequest, ListAnswer),
    "sync/end": (RunRequest, Nothing),
    "sync/next": (RunRequest, PlanPage),
}

LIBRARY_METHODS: Final[dict[str, tuple[object, object]]] = {
    "open": (OpenLibrary, OpenedLibrary),
    "map": (MapColumns, MappedColumns),
    "look": (LookAtFolders, FolderLooks),
    "devices": (Empty, KnownReaders),
    "sync": (SyncRequest, SyncReport),
    "push": (LibraryPushRequest, LibraryPushReport),
    "move": (LibraryMoveRequest, LibraryMoveReport),
    "log": (TheseBooks, LoggedBooks),
    "copies": (OneBook, BookCopies),
    "examine": (Examine, Examined),
    "annotations": (FindAnnotations, FoundAnnotations),
    "keep_annotations": (KeepAnnotations, AnnotationReport),
    "undo_annotations": (UndoAnnotations, AnnotationReport),
    "link": (LinkDigest, Empty),
    "unlink": (UnlinkDigest, Unlinked),
    "explain": (Reasons, Sentences),
    "close": (Empty, Empty),
}

NOTIFICATIONS: Final[dict[str, object]] = {
    "bridge/progress": ProgressNotice,
    "bridge/cancel": CancelNotice,
    "server/places": PlacesNotice,
    "server/visit": Visit,
}

FITTING: Final[dict[ColumnField, tuple[ColumnDatatype, ...]]] = {
    "percent": (
        "int",
        "float",
        "text",
    ),
    "status": (
        "text",
        "enumeration",
        "bool",
    ),
    "place": (
        "text",
        "comments",
    ),
    "device": (
        "text",
        "comments",
        "enumeration",
    ),
    "last_read": (
        "datetime",
        "text",
    ),
    "started": (
        "datetime",
        "text",
    ),
    "finished": (
        "datetime",
        "text",
    ),
    "times_read": (
        "int",
        "float",
        "text",
    ),
    "rating": (
        "rating",
        "int",
    ),
    "review": ("comments",),
    "read_time": (
        "int",
        "float",
        "text",
    ),
    "days_read": (
        "int",
        "float",
        "text",
    ),
    "time_left": (
        "int",
        "float",
        "text",
    ),
    "last_synced": (
        "datetime",
        "text",
    ),
    "location": (
        "text",
        "comments",
    ),
}

TRUST: Final[dict[DigestSource, int]] = {
    "linked": 0,
    "sidecar": 1,
    "sent": 2,
    "written": 3,
    "device": 4,
    "statistics": 5,
    "imported": 6,
    "library": 7,
    "predicted": 8,
}

COPIES_LEFT: Final[frozenset[DigestSource]] = frozenset({"sent", "written"})

REAL_COPIES: Final[frozenset[DigestSource]] = frozenset({"sidecar", "sent", "written", "device"})

COPIES_SEEN: Final[frozenset[DigestSource]] = frozenset({"sidecar", "sent", "written", "device", "statistics"})

WITNESSED: Final[frozenset[DigestSource]] = frozenset({"linked", "sidecar", "sent", "written", "device"})

WORTH_LOGGING: Final[frozenset[DigestSource]] = frozenset({"linked", "sidecar", "device", "statistics", "imported"})

EPUB_FORMATS: Final[frozenset[str]] = frozenset({"EPUB", "KEPUB"})

CALIBRE_DEVICE: Final = "calibre"

OWN_DEVICE_PREFIX: Final = "calibre-koreader-progress-"

PUSH_DEVICE_PREFIX: Final = "calibre-push-"

DEFAULT_RULES: Final[Rules] = {
    "conflict": "newest",
    "finish_at": 0.99,
    "reading_from": 0.01,
    "reread": "ask",
    "larger_step": 0.05,
    "status_words": {"unread": "Unread", "reading": "Reading", "finished": "Finished"},
}
