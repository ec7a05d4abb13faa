/** Every refusal of the kosync protocol: HTTP status, code and sentence as KOReader and the reference server know them. */
const REFUSALS = {
  StoreFailed: [502, 2000, "Unknown server error."],
  // The same to a reader, who tries again; its owner can do something about these.
  DiskFull: [502, 2000, "The server's disk is full."],
  Damaged: [502, 2000, "The server's database is damaged."],
  Unauthorized: [401, 2001, "Unauthorized"],
  // Whatever is not 401, KOReader keeps and sends again for a month.
  AccountFull: [401, 401, "This account is full: documents that it has are kept up to date, new ones are not taken."],
  UsernameTaken: [402, 2002, "Username is already registered."],
  InvalidFields: [403, 2003, "Invalid request"],
  DocumentMissing: [403, 2004, "Field 'document' not provided."],
  RegistrationDisabled: [402, 2005, "User registration is disabled."],
  AccountNotFound: [404, 2006, "Account not found."],
  BrokenJson: [400, 103, "Could not parse JSON in body."],
  NotAnObject: [400, 104, "Body should be a JSON hash."],
  // Outside the protocol's own table; the HTTP status serves as the code.
  BadRequest: [400, 400, "Bad request."],
  ForeignOrigin: [403, 403, "Pages of other sites are not answered here."],
  NotFound: [404, 404, "Not found."],
  Timeout: [408, 408, "The request took too long."],
  TooLarge: [413, 413, "The body is too large."],
  HeadersTooLarge: [431, 431, "The headers are too large."],
  TooMany: [429, 429, "Too many requests. Try again later."],
} as const satisfies Record<string, readonly [status: number, code: number, message: string]>;

export type RefusalName = keyof typeof REFUSALS;

/** Thrown wherever a request must be refused; the app turns it into the answer and nothing else of it leaves the server. */
export class Refusal extends Error {
  readonly kind: RefusalName;
  readonly statusCode: number;
  readonly code: number;

  constructor(kind: RefusalName, options?: { readonly cause: unknown }) {
    const [status, code, message] = REFUSALS[kind];
    super(message, options);
    this.name = "Refusal";
    this.kind = kind;
    this.statusCode = status;
    this.code = code;
  }

  /** The answer's body. */
  body(): string {
    return JSON.stringify({ code: this.code, message: this.message });
  }
}
