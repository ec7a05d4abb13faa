/**
 * When two values of a column are one. Whoever else writes into a column of the reader's writes it in a way of their
 * own: what says the same is agreement and no change. Python judges by the same cases (`test/fixtures/same-cells.json`).
 */
import type { Cell } from "../model/cell.ts";
import type { ColumnMapping } from "../model/profile.ts";

/** Whether calibre holds nothing there: no value, or text that is blank. */
export function isEmpty(cell: Cell): boolean {
  return cell === null || (typeof cell === "string" && cell.trim() === "");
}

/**
 * Whether two values are the same for a column: numbers but for rounding noise and notation, dates to the second, yes
 * as true or 1, empty as empty; text but for blanks, capitals and Unicode's forms, and where it is a number or a date,
 * as that. Comments keep their capitals: they are not one of a few words.
 */
export function sameCell({ datatype }: Pick<ColumnMapping, "datatype">, one: Cell, other: Cell): boolean {
  switch (datatype) {
    case "bool":
      return truthOf(one) === truthOf(other);
    case "int":
    case "float":
    case "rating":
      return sameNumber(one, other);
    case "datetime":
      return sameMoment(one, other);
    case "comments":
      return plain(one) === plain(other);
    case "text":
    case "enumeration":
    case "series":
    case "composite":
      return sameText(plain(one), plain(other));
    default:
      return datatype satisfies never;
  }
}

/** Text without what nobody sees: blanks around it and in a row, and the way in which an accent is put together. */
function plain(cell: Cell): string {
  return cell === null ? "" : String(cell).normalize("NFC").replaceAll(/\s+/g, " ").trim();
}

function sameText(one: string, other: string): boolean {
  if (one.toLowerCase() === other.toLowerCase()) return true;
  const numbers = [numberOf(one), numberOf(other)];
  if (numbers[0] !== null && numbers[1] !== null) return sameNumber(one, other);
  const [first, second] = [momentOf(one), momentOf(other)];
  if (first === null || second === null) return false;
  // A day alone says nothing of the hour.
  if (first.isDay || second.isDay) return first.day === second.day;
  return Math.abs(first.at - second.at) < 1;
}

const YES: ReadonlySet<string> = new Set(["true", "yes", "1"]);
const NO: ReadonlySet<string> = new Set(["false", "no", "0"]);

/** Yes, no, or (null) neither of them; anything else is itself. */
function truthOf(cell: Cell): boolean | string | null {
  const said = plain(cell).toLowerCase();
  if (said === "") return null;
  if (YES.has(said)) return true;
  return NO.has(said) ? false : said;
}

/** A number of more digits than this is no percentage and no count. */
const LONGEST_NUMBER = 40;

const NUMBER = /^([+-]?\d+)(?:[.,](\d+))? ?%?$/;

/** A number in either notation, with or without a percent sign; null for what is none. */
function numberOf(cell: Cell): number | null {
  if (typeof cell === "number") return cell;
  if (typeof cell === "boolean") return Number(cell);
  const said = plain(cell);
  const found = said.length <= LONGEST_NUMBER ? NUMBER.exec(said) : null;
  return found === null ? null : Number(`${found[1] ?? ""}.${found[2] ?? "0"}`);
}

function sameNumber(one: Cell, other: Cell): boolean {
  const [first, second] = [numberOf(one), numberOf(other)];
  if (first === null || second === null) return plain(one) === plain(other);
  return Math.abs(first - second) < 1e-9;
}

const MOMENT = /^(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|[+-]\d\d:?\d\d))?)?$/i;

/** calibre's undefined date is of the year 101; whatever is not later says nothing. */
const UNDEFINED_YEAR = 101;

/** What a date says: an instant (epoch seconds, UTC where no offset is named) and the day as written. */
interface Moment {
  readonly at: number;
  readonly day: string;
  /** Whether it names no hour. */
  readonly isDay: boolean;
}

function momentOf(text: string): Moment | null {
  const found = MOMENT.exec(text);
  if (found === null) return null;
  const [, year = "", month = "", day = "", hour, minute = "0", second = "0", fraction = "0", zone = "Z"] = found;
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // The 31st of February is no day.
  if (midnight.getUTCMonth() + 1 !== Number(month) || midnight.getUTCDate() !== Number(day)) return null;
  const seconds = Number(hour ?? 0) * 3600 + Number(minute) * 60 + Number(second) + Number(`0.${fraction}`);
  const shift = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  const minutes = shift === null ? 0 : Number(shift[2]) * 60 + Number(shift[3]);
  const offset = shift?.[1] === "-" ? -minutes : minutes;
  return {
    at: midnight.getTime() / 1000 + seconds - offset * 60,
    day: [year, month, day].map(Number).join("-"),
    isDay: hour === undefined,
  };
}

function sameMoment(one: Cell, other: Cell): boolean {
  const [first, second] = [one, other].map((cell) => {
    const said = plain(cell);
    const moment = momentOf(said);
    return moment !== null && Number(said.slice(0, 4)) <= UNDEFINED_YEAR ? "" : (moment?.at ?? said);
  });
  if (typeof first === "number" && typeof second === "number") return Math.abs(first - second) < 1;
  return first === second;
}
