/** One reader's annotation is one, in however many sidecars it is found. */
import { v5 } from "uuid";
import type { Annotation, FoundAnnotation } from "../../model/annotation.ts";
import { fold } from "./folded.ts";

/** Names everything that is made here. */
const NAMESPACE = "6f0f6c52-5a0f-5f0e-9a7b-3f6a8e1c2d47";

const changedAt = ({ updated, created }: Pick<FoundAnnotation, "updated" | "created">): string => updated ?? created;

/** What tells an annotation from every other of its book; a page bookmark has no words of its own. */
function nameOf({ created, kind, text, pos0, pos1, page }: FoundAnnotation): string {
  const words = kind === "highlight" ? fold(text ?? "") : "";
  return JSON.stringify([created, kind, words === "" ? [pos0, pos1, page] : words]);
}

/** All that tells whether two are one. */
type Told = Pick<FoundAnnotation, "created" | "kind" | "page" | "pos0" | "pos1" | "text">;

/**
 * Whether two are the same annotation: made at the same moment, with the same words or a common end. Its maker may change
 * the words, or move one of the ends; the moment stays.
 */
function isSame(one: Told, other: Told): boolean {
  if (one.created !== other.created || one.kind !== other.kind) return false;
  if (one.kind === "bookmark") return one.page === other.page;
  const words = fold(one.text ?? "");
  if (words !== "" && words === fold(other.text ?? "")) return true;
  return (one.pos0 !== null && one.pos0 === other.pos0) || (one.pos1 !== null && one.pos1 === other.pos1);
}

/**
 * The annotations of a book, each once, in the order they were found; of two that differ the one that was changed last
 * speaks, of two equally new the first. `book` is the book's uuid.
 */
export function gather(book: string, annotations: readonly FoundAnnotation[]): Annotation[] {
  const groups: FoundAnnotation[][] = [];
  const byMoment = new Map<string, FoundAnnotation[][]>();
  for (const annotation of annotations) {
    const there = byMoment.get(annotation.created) ?? [];
    const group = there.find(([first]) => first !== undefined && isSame(first, annotation));
    if (group !== undefined) group.push(annotation);
    else {
      const made = [annotation];
      there.push(made);
      groups.push(made);
    }
    byMoment.set(annotation.created, there);
  }
  return groups.flatMap((group) => {
    const [oldest] = group.toSorted((one, other) => (changedAt(one) < changedAt(other) ? -1 : 1));
    const newest = group.reduce((best, each) => (changedAt(each) > changedAt(best) ? each : best));
    if (oldest === undefined) return [];
    const { device: _, ...told } = newest;
    const devices = [...new Set(group.map(({ device }) => device))];
    return [{ ...told, uuid: v5(`${book}\n${nameOf(oldest)}`, NAMESPACE), devices }];
  });
}

/** What was known of a book before and what was found now, each once: what is missing now is not gone. */
export function withKnown(known: readonly Annotation[], found: readonly Annotation[]): Annotation[] {
  const all = [...known];
  const byMoment = Map.groupBy(all.keys(), (at) => all[at]?.created);
  for (const annotation of found) {
    const at = byMoment.get(annotation.created)?.find((each) => isSame(all[each] ?? annotation, annotation));
    const before = at === undefined ? undefined : all[at];
    if (at === undefined || before === undefined) {
      all.push(annotation);
      continue;
    }
    const newest = changedAt(annotation) >= changedAt(before) ? annotation : before;
    const devices = [...new Set([...before.devices, ...annotation.devices])];
    all[at] = { ...newest, uuid: before.uuid, devices };
  }
  return all.toSorted(inBookOrder);
}

/** Which of a book's annotations these are, by uuid. */
export function uuidsOf(all: readonly Annotation[], found: readonly FoundAnnotation[]): Set<string> {
  const byMoment = Map.groupBy(all, ({ created }) => created);
  const uuids = found.map((each) => byMoment.get(each.created)?.find((one) => isSame(one, each))?.uuid);
  return new Set(uuids.filter((uuid) => uuid !== undefined));
}

/** By page where both are pages, else as KOReader's pointers stand in the book, else by the moment of making. */
function inBookOrder(one: Annotation, other: Annotation): number {
  const [first, second] = [numbersOf(one.page), numbersOf(other.page)];
  for (const [at, number] of first.entries()) {
    const difference = number - (second[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return first.length - second.length || (one.created < other.created ? -1 : 1);
}

function numbersOf(pointer: string): number[] {
  return [...pointer.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}
