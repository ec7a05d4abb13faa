import { describeInGui } from "./run-in-gui.ts";

describeInGui("content_server.py", { books: 4 });
