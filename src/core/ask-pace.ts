/** How many requests at once a server is trusted with: the public one with few, one of the reader's own with many. */
import { dailyAllowance } from "./ask-budget.ts";

/** Requests at once, to begin with and at the most. */
export interface Width {
  readonly start: number;
  readonly most: number;
}

/** Names that only the reader's own network knows. */
const OWN_NAMES = /(?:^|\.)(?:localhost|local|lan|home|internal|intranet|home\.arpa)$/;

/** Loopback, and the addresses of private networks. */
const OWN_ADDRESSES =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

const OWN_ADDRESSES_6 = /^\[(?:::1\]|f[cd]|fe[89ab])/;

/** Whether a host name, as URL gives it, is one of the reader's own network. */
function isOwn(hostname: string): boolean {
  if (hostname.startsWith("[")) return OWN_ADDRESSES_6.test(hostname);
  return OWN_ADDRESSES.test(hostname) || OWN_NAMES.test(hostname) || !hostname.includes(".");
}

/** How wide the server at this URL is asked. The public server is one small machine for everybody. */
export function widthFor(url: URL): Width {
  if (Number.isFinite(dailyAllowance(url.href))) return { start: 2, most: 2 };
  return { start: 4, most: isOwn(url.hostname) ? 16 : 8 };
}
