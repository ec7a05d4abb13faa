import { readElements } from "./package.ts";

/** Fonts may be obfuscated without the book being protected. */
const FONTS = new Set(["http://ns.adobe.com/pdf/enc#RC", "http://www.idpf.org/2008/embedding"]);

/** Whether `META-INF/encryption.xml` tells of more than obfuscated fonts: then the text itself cannot be read. */
export function isProtected(encryption: string): boolean {
  return readElements(encryption).some(
    ({ name, attributes }) => name === "EncryptionMethod" && !FONTS.has(attributes.get("Algorithm") ?? ""),
  );
}
