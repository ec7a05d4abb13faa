import { connect } from "node:net";
import type { Socket } from "node:net";

export interface KeptAlive {
  /** Sends one request and gives status and body; rejects when the connection ends first. */
  ask(request: string): Promise<{ status: number; body: string }>;
  close(): void;
}

/** One kept-alive connection, one request at a time. */
export function openConnection(port: number): Promise<KeptAlive> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, "127.0.0.1");
    let text = "";
    let waiting: {
      resolve: (answer: { status: number; body: string }) => void;
      reject: (error: Error) => void;
    } | null = null;
    socket.setEncoding("latin1");
    socket.once("connect", () =>
      resolve({
        ask: (request) =>
          new Promise((resolve, reject) => {
            waiting = { resolve, reject };
            socket.write(request);
          }),
        close: () => socket.destroy(),
      }),
    );
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (end < 0 || text.length < end + 4 + length) return;
      const answer = { status: Number(text.slice(9, 12)), body: text.slice(end + 4, end + 4 + length) };
      text = "";
      waiting?.resolve(answer);
    });
    const fail = (error?: Error): void => {
      reject(error ?? new Error("closed"));
      waiting?.reject(error ?? new Error("closed"));
    };
    socket.on("error", fail);
    socket.on("close", () => fail());
  });
}

/** A `PUT` of a position as text for the socket. */
export function putRequest(username: string, body: object): string {
  const text = JSON.stringify(body);
  const head = `PUT /syncs/progress HTTP/1.1\r\nhost: x\r\nx-auth-user: ${username}\r\nx-auth-key: key-${username}\r\n`;
  return `${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** A `GET` of a position as text for the socket. */
export function getRequest(username: string, document: string): string {
  const head = `GET /syncs/progress/${document} HTTP/1.1\r\nhost: x\r\nx-auth-user: ${username}\r\nx-auth-key: key-${username}\r\n`;
  return `${head}\r\n`;
}
