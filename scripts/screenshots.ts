/** Takes the pictures of the documentation and of the offline help in a real calibre: `node scripts/screenshots.ts`; needs pngquant. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { runInGui } from "../test/gui/run-in-gui.ts";
import { createPrivateCalibre } from "../test/calibre_plugin/private-calibre.ts";

const root = join(import.meta.dirname, "..");
const shots = join(root, "docs", "screenshots");
/** What the offline help shows, without its suffix. */
const IN_HELP = [
  "preferences-account",
  "preferences-places",
  "preferences-server",
  "review",
  "push",
  "unmatched",
  "undo",
];

mkdirSync(shots, { recursive: true });
mkdirSync(join(root, "calibre_plugin", "help", "images"), { recursive: true });
for (const palette of ["light", "dark"]) {
  const calibre = await createPrivateCalibre({ bridge: join(root, "dist", "bridge") });
  try {
    const said = await runInGui(calibre, join(root, "test", "gui", "tour.py"), join(calibre.folder, "results.jsonl"), {
      shots,
      env: { TEST_PALETTE: palette, SHOTS_SUFFIX: `-${palette}` },
    });
    if (/Traceback|stopped after/.test(said)) {
      process.stderr.write(`${said}\n`);
      process.exitCode = 1;
    }
  } finally {
    calibre.dispose();
  }
}
for (const name of IN_HELP) {
  const inHelp = join(root, "calibre_plugin", "help", "images", `${name}.png`);
  // The help travels in the plugin: a palette of 64 colours takes a third, and text and lines look the same.
  const small = spawnSync("pngquant", [
    "--force",
    "--strip",
    "--speed=1",
    "--nofs",
    `--output=${inHelp}`,
    "64",
    join(shots, `${name}-light.png`),
  ]);
  if (small.error !== undefined) throw small.error;
}
