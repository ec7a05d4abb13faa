import { describeRoom } from "../run-in-calibre.ts";

describeRoom("copies", {
  // A Java program for each copy.
  valid_copies: { timeout: 480_000 },
});
