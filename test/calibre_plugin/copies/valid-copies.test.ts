import { describePython } from "../run-in-calibre.ts";

// A Java program for each copy.
describePython("copies/valid_copies.py", { timeout: 480_000 });
