/** Every way a whole request can fail that is not our own fault: name, JSON-RPC code. The codes never change meaning. */
export const SYNC_ERRORS = {
  ContractMismatch: 1001,
  Cancelled: 1002,
  ServerUnreachable: 2001,
  NotKosyncServer: 2002,
  Unauthorized: 2003,
  UsernameTaken: 2004,
  RegistrationClosed: 2005,
  ServerRefused: 2006,
  CertificateRefused: 2007,
  /** A login page stands in front of the server: {url, location}. */
  BehindLogin: 2008,
  /** Another address answers, or is where the server sends us: {url, found, by}. The key has not gone there. */
  OtherAddress: 2009,
  BookUnreadable: 3001,
  PortTaken: 4001,
  StoreUnavailable: 4002,
} as const;

export type SyncErrorName = keyof typeof SYNC_ERRORS;

/** Stops a whole request. `data` never holds a password or userkey; the reader's sentence is made from name and data. */
export class SyncError extends Error {
  readonly kind: SyncErrorName;
  readonly code: number;
  readonly data: Readonly<Record<string, string | number | null>>;

  constructor(kind: SyncErrorName, data: Readonly<Record<string, string | number | null>> = {}) {
    super(kind);
    this.name = "SyncError";
    this.kind = kind;
    this.code = SYNC_ERRORS[kind];
    this.data = data;
  }
}
