import type { Server } from "node:http";
import type { Socket } from "node:net";
import { addressGroup } from "./limits.ts";

/** Keeps count of connections, so that no address keeps another out. */
export interface Connections {
  /** To be told of each request: its connection is not the one that has been quiet longest. */
  heard(socket: Socket): void;
}

/**
 * At most `max` connections. When there is no room for one more, the address that holds most of them gives up the one that has
 * been quiet longest: thousands that one address holds open cost the others nothing.
 */
export function limitConnections(server: Server, max: number): Connections {
  // Quiet ones first.
  const held = new Map<string, Set<Socket>>();
  const groups = new WeakMap<Socket, Set<Socket>>();
  let count = 0;

  function makeRoom(): void {
    let most: Set<Socket> | null = null;
    for (const sockets of held.values()) if (most === null || sockets.size > most.size) most = sockets;
    const [quiet] = most ?? [];
    if (quiet !== undefined) drop(quiet);
  }

  function forget(socket: Socket): void {
    const sockets = groups.get(socket);
    if (sockets?.delete(socket) === true) count -= 1;
  }

  function drop(socket: Socket): void {
    forget(socket);
    socket.destroy();
  }

  server.on("connection", (socket: Socket) => {
    if (count >= max) makeRoom();
    const group = addressGroup(socket.remoteAddress ?? "");
    const sockets = held.get(group) ?? new Set();
    held.set(group, sockets.add(socket));
    groups.set(socket, sockets);
    count += 1;
    socket.once("close", () => {
      forget(socket);
      if (sockets.size === 0 && held.get(group) === sockets) held.delete(group);
    });
  });

  return {
    heard(socket) {
      const sockets = groups.get(socket);
      if (sockets?.delete(socket) === true) sockets.add(socket);
    },
  };
}
