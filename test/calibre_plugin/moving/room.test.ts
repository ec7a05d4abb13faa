import { describeRoom } from "../run-in-calibre.ts";

describeRoom("moving");
