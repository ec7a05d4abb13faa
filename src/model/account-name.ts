import * as z from "zod";

/** How long a name may be, in bytes of UTF-8: an account's, a document's, a device's. */
export const MAX_NAME_BYTES = 256;

/** What a server keeps of a key begins with this where it is hashed; no key that comes from outside may. */
export const STORED_KEY_PREFIX = "scrypt$";

const MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e";

function isShort(text: string): boolean {
  return text.length <= MAX_NAME_BYTES && new TextEncoder().encode(text).length <= MAX_NAME_BYTES;
}

/** Whether a header brings this text as it is: no control characters, and no blanks around it, which are cut off. */
function fitsHeader(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- exactly these
  return text.isWellFormed() && !/[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/.test(text);
}

/** The name of a new account: whatever it is, whoever bears it must be able to log in. */
export const AccountName = z
  .string()
  .min(1)
  .refine((name) => !name.includes(":") && fitsHeader(name) && isShort(name));

/** The key of an account: never that of the empty password, nor what looks like a stored form. */
export const AccountKey = z
  .string()
  .min(1)
  .refine((key) => key !== MD5_OF_NOTHING && !key.startsWith(STORED_KEY_PREFIX) && fitsHeader(key) && isShort(key));
