/** A part of a URL as it was meant; a stray percent sign stands for itself. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The header value for a login given inside a URL, or null when it names no user. */
export function basicLogin({ username, password }: Pick<URL, "username" | "password">): string | null {
  if (username === "") return null;
  return `Basic ${Buffer.from(`${decode(username)}:${decode(password)}`, "utf8").toString("base64")}`;
}
