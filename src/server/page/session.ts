import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const HOURS = 12;
/** Seconds until a sign-in ends by itself. */
export const SESSION_SECONDS = HOURS * 3600;

/** A sign-in, as its cookie tells it. */
export interface Session {
  readonly username: string;
  /** What the store knows it by. */
  readonly id: string;
  /** Epoch seconds. */
  readonly expires: number;
  /** What every form of this sign-in must bring along. */
  readonly formToken: string;
}

function sign(secret: string, credential: string, text: string): string {
  return createHmac("sha256", secret).update(credential).update("\n").update(text).digest("base64url");
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A name for a new sign-in. */
export function newSessionId(): string {
  return randomBytes(9).toString("base64url");
}

/**
 * A cookie for this account. Any server on the same store believes it as long as the store knows its id; a new password or
 * the account's deletion ends it, since the credential is part of what is signed.
 */
export function formatSession(secret: string, credential: string, username: string, now: number, id: string): string {
  const name = Buffer.from(username).toString("base64url");
  const text = `${name}.${now + SESSION_SECONDS}.${id}`;
  return `${text}.${sign(secret, credential, text)}`;
}

/** The name a cookie claims, still to be believed. */
export function claimedName(cookie: string): string {
  return Buffer.from(cookie.split(".")[0] ?? "", "base64url").toString("utf8");
}

/** The counterpart of `formatSession`; null when the cookie is not ours, has ended or is for another credential. */
export function parseSession(secret: string, credential: string, cookie: string, now: number): Session | null {
  const [name = "", expires = "", nonce = "", signature = ""] = cookie.split(".");
  const text = `${name}.${expires}.${nonce}`;
  if (!equal(signature, sign(secret, credential, text)) || Number(expires) <= now) return null;
  return {
    username: claimedName(cookie),
    id: nonce,
    expires: Number(expires),
    formToken: sign(secret, credential, `form ${text}`),
  };
}

/** Whether a form's token is the session's. */
export function isFormToken(session: Session, token: string): boolean {
  return equal(session.formToken, token);
}
