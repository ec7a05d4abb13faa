import SparkMD5 from "spark-md5";
import type { Tree } from "./tree.ts";

/** What stays equal between two copies of one text, whatever their markup: the MD5 of its non-whitespace characters. */
export function textKey({ texts }: Tree): string {
  const hash = new SparkMD5();
  for (const { text, start, end } of texts) if (end > start) hash.append(text.replaceAll(/[\0- ]+/g, ""));
  return hash.end();
}
