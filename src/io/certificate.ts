/** Judging a server's certificate, and naming what is wrong with it. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, getCACertificates, rootCertificates } from "node:tls";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Tls } from "../model/account.ts";
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

/** Every authority this machine trusts: the runtime's own, the operating system's, and those named by the environment. */
function systemAuthorities(): string[] {
  return [...new Set([...rootCertificates, ...getCACertificates("default"), ...getCACertificates("system")])];
}

// Reading and parsing several hundred authorities takes about 60 ms: once for the process, and not at all for plain HTTP.
let systemContext: SecureContext | undefined;

export interface Trust {
  secureContext?: SecureContext;
  rejectUnauthorized: boolean;
}

/** How to connect so that what the account trusts is accepted; throws CertificateRefusal when its CA file cannot be used. */
export function trustOf(tls: Tls): Trust {
  if (tls.mode === "fingerprint" || tls.mode === "none") return { rejectUnauthorized: false };
  if (tls.mode === "system") {
    systemContext ??= createSecureContext({ ca: systemAuthorities() });
    return { secureContext: systemContext, rejectUnauthorized: true };
  }
  try {
    return { secureContext: createSecureContext({ ca: readFileSync(tls.path) }), rejectUnauthorized: true };
  } catch {
    throw new CertificateRefusal("ca_file_unreadable", null);
  }
}
