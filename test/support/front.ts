/** A real server in front of another, as a proxy on the way or as a stricter server: hides paths, holds answers back. */
import { createServer, request as forward } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";

interface Options {
  readonly tls?: { key: string; cert: string };
  /** Paths that are answered with 404, as a server does that cannot list. */
  readonly hides?: RegExp;
}

export interface Front {
  readonly url: string;
  /** Method and path of each request, and its headers. */
  readonly heard: { line: string; headers: IncomingMessage["headers"] }[];
  /** From now on requests whose line matches wait; resolves as soon as the first does. */
  holdBack(line: RegExp): Promise<void>;
  /** Lets go of what waits. */
  letGo(): void;
  close(): Promise<void>;
}

/** What came for itself, or as a proxy's whole request, goes to `target`. */
export async function startFront(target: string, { tls, hides }: Options = {}): Promise<Front> {
  const heard: Front["heard"] = [];
  let held: RegExp | null = null;
  let waiting: (() => void)[] = [];
  let onWaiting: (() => void) | null = null;

  const listener: RequestListener = (incoming, response) => {
    const { pathname, search } = new URL(incoming.url ?? "/", target);
    const line = `${incoming.method ?? ""} ${pathname}`;
    heard.push({ line, headers: incoming.headers });
    const pass = (): void => {
      const { method = "GET", headers } = incoming;
      const outgoing = forward(new URL(pathname + search, target), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      outgoing.on("error", () => response.destroy());
      incoming.pipe(outgoing);
    };
    if (hides?.test(pathname) === true) {
      response.writeHead(404, { "content-type": "application/json" }).end("{}");
    } else if (held?.test(line) === true) {
      waiting.push(pass);
      onWaiting?.();
    } else pass();
  };

  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const letGo = (): void => {
    held = null;
    for (const pass of waiting) pass();
    waiting = [];
  };
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`,
    heard,
    holdBack(line) {
      held = line;
      return new Promise((resolve) => (onWaiting = resolve));
    },
    letGo,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
