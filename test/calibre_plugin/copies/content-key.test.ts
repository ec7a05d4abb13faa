import { fileURLToPath } from "node:url";
import { describePython } from "../run-in-calibre.ts";

const vectors = fileURLToPath(new URL("../../fixtures/content-key-vectors.json", import.meta.url));

describePython("copies/content_key.py", { env: { CONTENT_KEY_VECTORS: vectors } });
