/** What a server last said of a document. Times are epoch seconds. */
export interface LastWord {
  readonly asked: number;
  /** How often in a row it did not know the document; 0 where it knew it. */
  readonly times: number;
  /** When its record was made; null where it had none. */
  readonly read_at: number | null;
}
