import { writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";

/** An entry as it shall stand in the archive: the bytes of its name, and whether it is said to be UTF-8. */
export interface RawEntry {
  readonly name: Uint8Array;
  readonly utf8: boolean;
  readonly data: string;
}

/** Writes a zip whose names no library has put right; nothing in it is packed. */
export function writeRawZip(path: string, entries: readonly RawEntry[]): string {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, utf8, data } of entries) {
    const bytes = Buffer.from(data);
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt16LE(utf8 ? 0x800 : 0, 2);
    about.writeUInt16LE(0x21, 8);
    about.writeUInt32LE(crc32(bytes), 10);
    about.writeUInt32LE(bytes.length, 14);
    about.writeUInt32LE(bytes.length, 18);
    about.writeUInt16LE(name.length, 22);
    const where = Buffer.alloc(14);
    where.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), about, where, name);
    parts.push(Buffer.from("PK\x03\x04", "latin1"), about, name, bytes);
    at += 30 + name.length + bytes.length;
  }
  const records = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(records.length, 12);
  end.writeUInt32LE(at, 16);
  writeFileSync(path, Buffer.concat([...parts, records, end]));
  return path;
}
