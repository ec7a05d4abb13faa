/** The house as it stands: its rooms in floors, so that each imports only what lies below it. */
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { importsOf, modules, pythonImports, roomOf } from "./imports.ts";

/** Which rooms each room imports. */
export type Rooms = ReadonlyMap<string, ReadonlySet<string>>;

/** Rooms that import each other stand together; each floor lies above all that its rooms import, the highest first. */
export function floorsOf(rooms: Rooms): string[][] {
  const reached = new Map([...rooms.keys()].map((room) => [room, reachedFrom(rooms, room)] as const));
  const isMutual = (one: string, other: string): boolean =>
    one === other || (reached.get(one)?.has(other) === true && reached.get(other)?.has(one) === true);
  const known = new Map<string, number>();
  function floorOf(room: string): number {
    const before = known.get(room);
    if (before !== undefined) return before;
    const together = [...rooms.keys()].filter((other) => isMutual(room, other));
    const below = together.flatMap((one) => [...(rooms.get(one) ?? [])]).filter((other) => !isMutual(room, other));
    const floor = Math.max(-1, ...below.map(floorOf)) + 1;
    for (const one of together) known.set(one, floor);
    return floor;
  }
  const floors: string[][] = [];
  for (const room of [...rooms.keys()].toSorted()) (floors[floorOf(room)] ??= []).push(room);
  return floors.toReversed();
}

function reachedFrom(rooms: Rooms, start: string): Set<string> {
  const reached = new Set<string>();
  const waiting = [...(rooms.get(start) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(rooms.get(next) ?? []));
  }
  return reached;
}

function roomsOf(edges: Iterable<readonly [string, string]>): Rooms {
  const rooms = new Map<string, Set<string>>();
  for (const [from, to] of edges) {
    for (const room of [from, to]) if (!rooms.has(room)) rooms.set(room, new Set());
    if (from !== to) rooms.get(from)?.add(to);
  }
  return rooms;
}

const pluginRoom = (file: string): string => roomOf(file) || "the entrances";
const bridgeRoom = (file: string): string => (file.startsWith("src/compose") ? "src/compose.ts" : dirname(file));
const isOurs = (target: string): boolean => /^(?:src|bridge)\//.test(target);

/** A folder is a room; what lies at the plugin's root is its entrance. */
export function pluginRooms(): Rooms {
  return roomsOf(
    modules.flatMap((file) => pythonImports(file).map((target) => [pluginRoom(file), pluginRoom(target)] as const)),
  );
}

/** A folder is a room, but for `compose.ts`, the one place that knows everybody. */
export function bridgeRooms(): Rooms {
  const ours = globSync("{src,bridge}/**/*.ts").map((file) => file.replaceAll("\\", "/"));
  return roomsOf(
    ours.flatMap((file) =>
      importsOf(file)
        .map(({ target }) => target.replaceAll("\\", "/"))
        .filter(isOurs)
        .map((target) => [bridgeRoom(file), bridgeRoom(target)] as const),
    ),
  );
}

/** Both halves, a floor a line. */
export function drawing(): string {
  return `${half("calibre_plugin", pluginRooms())}\n\n${half("src and bridge", bridgeRooms())}`;
}

function half(title: string, rooms: Rooms): string {
  return [title, ...floorsOf(rooms).map((floor) => `  ${floor.join("   ")}`)].join("\n");
}
