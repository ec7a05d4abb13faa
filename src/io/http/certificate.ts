/** Judging a server's certificate, and naming what is wrong with it. */
import { X509Certificate, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, getCACertificates, rootCertificates } from "node:tls";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Tls } from "../../model/account.ts";
import { codeOf } from "./network-failure.ts";

export type CertificateReason =
  | "self_signed"
  | "unknown_issuer"
  | "expired"
  | "not_yet_valid"
  | "wrong_host"
  | "changed"
  | "revoked"
  | "ca_file_unreadable"
  | "other";

/** The server's certificate is not to be trusted; the fingerprint is its SHA-256, null when none could be read. */
export class CertificateRefusal extends Error {
  readonly reason: CertificateReason;
  readonly fingerprint: string | null;

  constructor(reason: CertificateReason, fingerprint: string | null) {
    super(reason);
    this.name = "CertificateRefusal";
    this.reason = reason;
    this.fingerprint = fingerprint;
  }
}

const REASONS: Readonly<Record<string, CertificateReason>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "self_signed",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown_issuer",
  UNABLE_TO_GET_ISSUER_CERT: "unknown_issuer",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown_issuer",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown_issuer",
  CERT_UNTRUSTED: "unknown_issuer",
  INVALID_CA: "unknown_issuer",
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not_yet_valid",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong_host",
  HOSTNAME_MISMATCH: "wrong_host",
  CERT_REVOKED: "revoked",
  CERT_SIGNATURE_FAILURE: "other",
  CERT_REJECTED: "other",
  CERT_CHAIN_TOO_LONG: "other",
  INVALID_PURPOSE: "other",
};

/** What is wrong with the certificate, or null when an error is about something else. */
export function certificateReason(error: unknown): CertificateReason | null {
  const code = codeOf(error);
  return code === null ? null : (REASONS[code] ?? null);
}

/** SHA-256 of the certificate a server showed, lowercase hex; null when it showed none. */
export function fingerprintOf(socket: TLSSocket): string | null {
  const { raw } = socket.getPeerCertificate();
  return raw === undefined ? null : createHash("sha256").update(raw).digest("hex");
}

/**
 * Every authority this machine trusts: the runtime's own, the operating system's, and those named by the environment.
 * Null where a runtime keeps them to itself (Deno without `--allow-sys=ca`): then it judges by its own store.
 */
function createSystemContext(): SecureContext | null {
  try {
    const all = [...rootCertificates, ...getCACertificates("default"), ...getCACertificates("system")];
    return createSecureContext({ ca: [...new Set(all)] });
  } catch {
    return null;
  }
}

// Reading and parsing several hundred authorities takes about 60 ms: once for the process, and not at all for plain HTTP.
let systemContext: SecureContext | null | undefined;

/** The certificates of a file, PEM (any number) or DER (one); throws when it holds none. */
function readAuthorities(path: string): string {
  const bytes = readFileSync(path);
  const first = new X509Certificate(bytes);
  const text = bytes.toString("latin1");
  return text.includes("-----BEGIN") ? text : first.toString();
}

export interface Trust {
  secureContext?: SecureContext;
  rejectUnauthorized: boolean;
}

/** How to connect so that what the account trusts is accepted; throws CertificateRefusal when its CA file cannot be used. */
export function trustOf(tls: Tls): Trust {
  if (tls.mode === "fingerprint" || tls.mode === "none") return { rejectUnauthorized: false };
  if (tls.mode === "system") {
    if (systemContext === undefined) systemContext = createSystemContext();
    return { ...(systemContext === null ? {} : { secureContext: systemContext }), rejectUnauthorized: true };
  }
  try {
    return { secureContext: createSecureContext({ ca: readAuthorities(tls.path) }), rejectUnauthorized: true };
  } catch {
    throw new CertificateRefusal("ca_file_unreadable", null);
  }
}
