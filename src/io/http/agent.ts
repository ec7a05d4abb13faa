/** Connections to a server: through its proxy, with its certificate judged as the account wants it. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { callbackify } from "node:util";
import type { buildConnector as BuildConnector } from "undici";
import type { Tls } from "../../model/account.ts";
import { CertificateRefusal, certificateReason, fingerprintOf, trustOf } from "./certificate.ts";
import { openTunnel } from "./proxy.ts";
import { buildConnector } from "./undici.ts";

export interface ConnectOptions {
  readonly tls: Tls;
  /** http: or https:, or null for none. */
  readonly proxy: URL | null;
  /** Milliseconds until a connection stands. */
  readonly timeout: number;
}

type Target = BuildConnector.Options;
type Dial = (target: Target) => Promise<Socket>;

/** Opens connections whose certificates are judged by the TLS library alone. */
function createDial({ tls, proxy, timeout }: ConnectOptions): Dial {
  const plain = buildConnector({ timeout });
  let secure: BuildConnector.connector | undefined;

  function judging(): BuildConnector.connector {
    secure ??= buildConnector({
      ...trustOf(tls),
      allowH2: false,
      timeout,
      // A resumed session need not show its certificate again, and a pinned one must be seen each time.
      ...(tls.mode === "fingerprint" ? { maxCachedSessions: 0 } : {}),
    });
    return secure;
  }

  return async (target) => {
    const isSecure = target.protocol === "https:";
    const connect = isSecure ? judging() : plain;
    const tunnel =
      isSecure && proxy !== null
        ? { httpSocket: await openTunnel(proxy, target.hostname, Number(target.port || 443), timeout) }
        : {};
    return new Promise((resolve, reject) => {
      connect({ ...target, ...tunnel }, (error, socket) => (error === null ? resolve(socket) : reject(error)));
    });
  };
}

/** Connects once more without judging, to say which certificate was refused; nothing is sent. */
async function look(target: Target, how: ConnectOptions): Promise<string | null> {
  try {
    const socket = await createDial({ ...how, tls: { mode: "none" } })(target);
    const seen = socket instanceof TLSSocket ? fingerprintOf(socket) : null;
    socket.destroy();
    return seen;
  } catch {
    return null;
  }
}

/** For undici's Agent: fails with a CertificateRefusal, which names the certificate, or with the socket's own error. */
export function createConnector(how: ConnectOptions): BuildConnector.connector {
  const dial = createDial(how);

  async function open(target: Target): Promise<Socket> {
    let socket: Socket;
    try {
      socket = await dial(target);
    } catch (error) {
      const reason = certificateReason(error);
      throw reason === null ? error : new CertificateRefusal(reason, await look(target, how));
    }
    if (how.tls.mode === "fingerprint" && target.protocol === "https:") {
      const seen = socket instanceof TLSSocket ? fingerprintOf(socket) : null;
      if (seen !== how.tls.sha256) {
        socket.destroy();
        throw new CertificateRefusal("changed", seen);
      }
    }
    return socket;
  }

  const openThen = callbackify(open);
  return (target, callback) => {
    openThen(target, (error, socket) => (error === null ? callback(null, socket) : callback(error, null)));
  };
}
