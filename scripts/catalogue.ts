/** Compiles a catalogue of translated sentences, as `msgfmt` does, so that a build needs nothing beyond npm. */
import { mo, po } from "gettext-parser";

/** A `.mo` file for a `.po` file's bytes; what is fuzzy or untranslated is left out. Throws where the file is no catalogue. */
export function compileCatalogue(source: Buffer): Buffer {
  const catalogue = po.parse(source, { validation: true });
  for (const sentences of Object.values(catalogue.translations)) {
    for (const [sentence, { comments, msgstr }] of Object.entries(sentences)) {
      const isFuzzy = comments?.flag?.includes("fuzzy") ?? false;
      if (sentence !== "" && (isFuzzy || msgstr.every((text) => text === ""))) delete sentences[sentence];
    }
  }
  return mo.compile(catalogue);
}
