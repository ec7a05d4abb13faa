/** What is known of a book's annotations: what was remembered, and what the reader's files tell now. */
import type { Annotation, MarkedFile } from "../../model/annotation.ts";
import type { KeptAnnotation, KeptAnnotations } from "../../model/native-annotation.ts";
import { gather, uuidsOf, withKnown } from "./gather.ts";

/** One annotation: as it is told now, and all that is remembered of it. */
export interface Known {
  readonly annotation: Annotation;
  /** As it was told when it was decided about; null for a new one. */
  readonly before: Annotation | null;
  readonly kept: KeptAnnotation;
}

/**
 * What the files add to what was remembered. Missing is not gone: only what the very same file held at our last look,
 * and holds no more although it was written since and still holds others of them, was removed there, if no other file
 * holds it. It is back when that file, or another one that had it not, holds it again; a file that was never looked at
 * brings nothing back. Of what was written for another `target` nothing stands here.
 */
export function takeUp(
  book: string,
  target: string,
  remembered: KeptAnnotations | null,
  files: readonly MarkedFile[],
): { readonly known: Known[]; readonly files: KeptAnnotations["files"] } {
  const kept = remembered?.annotations ?? {};
  const before = Object.values(kept).map(({ annotation }) => annotation);
  const found = gather(
    book,
    files.flatMap(({ annotations }) => annotations),
  );
  const all = withKnown(before, found);
  const looks = files.map((file) => ({ file, uuids: uuidsOf(all, file.annotations) }));
  const seen = { ...remembered?.files };
  const removed = new Map<string, number>();
  const back = new Set<string>();
  for (const { file, uuids } of looks.filter((look) => look.file.whole)) {
    const name = nameOf(file);
    const last = seen[name];
    if (last !== undefined && file.modified > last.modified && last.uuids.some((uuid) => uuids.has(uuid)))
      for (const uuid of last.uuids) if (!uuids.has(uuid)) removed.set(uuid, file.modified);
    for (const uuid of last === undefined ? [] : uuids) if (last?.uuids.includes(uuid) === false) back.add(uuid);
    seen[name] = { modified: file.modified, uuids: [...uuids] };
  }
  const held = new Set(Object.values(seen).flatMap(({ uuids }) => uuids));
  return { known: all.map(knownOf), files: seen };

  function knownOf(annotation: Annotation): Known {
    const { uuid } = annotation;
    const one = kept[uuid] ?? { annotation, written: null, gone: null, history: [] };
    const isRemoved = removed.has(uuid) && !held.has(uuid);
    const gone = isRemoved ? (removed.get(uuid) ?? null) : back.has(uuid) ? null : one.gone;
    const written = remembered?.target === target ? one.written : null;
    return { annotation, before: kept[uuid]?.annotation ?? null, kept: { ...one, gone, written } };
  }
}

function nameOf({ device, path, digest }: MarkedFile): string {
  return JSON.stringify([device, path, digest]);
}
