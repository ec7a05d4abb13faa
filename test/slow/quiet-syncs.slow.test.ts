import { describeInGui } from "../gui/run-in-gui.ts";

// So many books that whatever a sync kept of them would show.
describeInGui("quiet_syncs.py", { books: 300, timeout: 3_000_000, env: { QUIET_SYNCS: "500" } });
