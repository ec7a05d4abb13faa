/** What an account's server may still be asked today. */
import { dailyAllowance, dayOf } from "../core/ask-budget.ts";
import type { Allowance } from "../core/ask-choice.ts";
import type { Account } from "../model/account.ts";
import type { ServerCache } from "./ports.ts";

/** At `now`, epoch seconds; a server of the reader's own may be asked whatever there is to ask. */
export function allowanceOf({ id, url }: Account, cache: ServerCache, now: number): Allowance {
  const day = dailyAllowance(url);
  return { day, left: Number.isFinite(day) ? Math.max(0, day - cache.spent(id, dayOf(now))) : day };
}
