/** The rules of a command that knows no profile. */
import type { Rules } from "../model/profile.ts";

/** As a new profile in calibre has them. */
export const DEFAULT_RULES: Rules = {
  conflict: "newest",
  finish_at: 0.99,
  reading_from: 0.01,
  reread: "ask",
  larger_step: 0.05,
  status_words: { unread: "Unread", reading: "Reading", finished: "Finished" },
};
