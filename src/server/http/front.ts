import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Refusal } from "../errors.ts";
import { refuseUnread } from "./refuse-unread.ts";

/** The one that this server stands behind. */
export interface Front {
  /** What it says with each request, in `koreader-progress-front`. */
  readonly secret: string;
  /** Whether it has checked who asks. */
  readonly vouches: boolean;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const HEADER = "koreader-progress-front";

/** Lets through only what comes from the one in front; anybody else on the machine gets one and the same refusal. */
export function guardFront({ secret }: Front, handle: Handler): Handler {
  const expected = hash("sha256", secret, "buffer");
  return (request, response) => {
    const said = request.headers[HEADER];
    if (typeof said !== "string" || !timingSafeEqual(hash("sha256", said, "buffer"), expected)) {
      refuseUnread(request, response, new Refusal("Unauthorized"));
      return;
    }
    delete request.headers[HEADER];
    handle(request, response);
  };
}
