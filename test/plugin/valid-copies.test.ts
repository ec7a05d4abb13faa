import { describePython } from "./run-in-calibre.ts";

// A Java program for each copy.
describePython("valid_copies.py", { timeout: 480_000 });
