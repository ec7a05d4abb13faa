/** The way through a proxy to a server that speaks TLS. */
import { connect as connectTcp, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { basicLogin } from "./basic-login.ts";
import { trustOf } from "./certificate.ts";
import { NetworkFailure } from "./network-failure.ts";

const MAX_ANSWER = 16_384;

function dial(proxy: URL): Socket {
  const host = proxy.hostname.replaceAll(/[[\]]/g, "");
  if (proxy.protocol === "http:") return connectTcp({ host, port: Number(proxy.port || 80) });
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port: Number(proxy.port || 443), ...servername, ...trustOf({ mode: "system" }) });
}

/** Asks the proxy for a tunnel to `host:port`; rejects with a NetworkFailure. `timeout` in milliseconds. */
export function openTunnel(proxy: URL, host: string, port: number, timeout: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = dial(proxy);
    let answer = "";
    const fail = (cause: "proxy_unreachable" | "proxy_login" | "proxy_refused"): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new NetworkFailure(cause));
    };
    const timer = setTimeout(() => fail("proxy_unreachable"), timeout);
    const onError = (): void => fail("proxy_unreachable");
    socket.on("error", onError).on("close", onError);
    socket.once(proxy.protocol === "http:" ? "connect" : "secureConnect", () => {
      const login = basicLogin(proxy);
      const lines = [`CONNECT ${host}:${port} HTTP/1.1`, `Host: ${host}:${port}`];
      if (login !== null) lines.push(`Proxy-Authorization: ${login}`);
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    });
    const onData = (chunk: Buffer): void => {
      answer += chunk.toString("latin1");
      // Nothing of the server's can follow the proxy's answer yet: in TLS the client speaks first.
      if (!answer.includes("\r\n\r\n")) {
        if (answer.length > MAX_ANSWER) fail("proxy_refused");
        return;
      }
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]);
      if (status !== 200) {
        // Before the tunnel stands nobody but the proxy can ask for a login, whatever it calls that.
        fail(status === 407 || status === 401 ? "proxy_login" : "proxy_refused");
        return;
      }
      clearTimeout(timer);
      socket.pause();
      socket.off("data", onData).off("error", onError).off("close", onError);
      resolve(socket);
    };
    socket.on("data", onData);
  });
}
