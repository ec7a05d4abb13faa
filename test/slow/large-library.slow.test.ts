import { describeInGui } from "../gui/run-in-gui.ts";

describeInGui("large_library.py", { books: 10_000, timeout: 420_000, env: { BOOKS_WITH_FILES: "0" } });
