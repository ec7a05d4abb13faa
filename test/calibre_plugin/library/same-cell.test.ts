import { resolve } from "node:path";
import { describePython } from "../run-in-calibre.ts";

describePython("library/same_cell.py", { env: { SAME_CELLS: resolve("test/fixtures/same-cells.json") } });
