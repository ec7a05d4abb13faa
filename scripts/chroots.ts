/**
 * Makes chroots of Debian with the calibre of its newer suites, and for each a folder of small programs that run it as
 * if it were installed here: `KOREADER_PROGRESS_CALIBRE` takes such a folder. Needs root on a Debian; where that, or the
 * network, is missing it is said, and nothing fails.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** A calibre in a chroot: `programs` is what `KOREADER_PROGRESS_CALIBRE` takes. */
export interface ChrootCalibre {
  suite: string;
  root: string;
  programs: string;
}

export const SUITES = ["trixie", "sid"];
/** Where the chroots are kept; they take a gigabyte and some minutes each. */
const FOLDER = process.env["KOREADER_PROGRESS_CHROOTS"] ?? "/var/cache/koreader-progress-chroots";
const PACKAGES = ["calibre", "epubcheck", "gettext", "iproute2", "openssl", "util-linux"];
/** Lies in a finished chroot, and tells a program that it runs inside already. */
const MARK = ".koreader-progress-chroot";
const PROGRAMS = join(FOLDER, "programs");
/** Has the same paths inside; a program of calibre's may start another. */
const SHARED = ["/proc", "/sys", "/dev", "/tmp", PROGRAMS, join(import.meta.dirname, "..")];

/** The chroot of a suite, made where it is missing; or why there is none. */
export function chrootOf(suite: string): ChrootCalibre | { missing: string } {
  const root = join(FOLDER, suite);
  if (!existsSync(join(root, MARK))) {
    const reason = make(suite, root);
    if (reason !== undefined) return { missing: reason };
  }
  const programs = join(PROGRAMS, suite);
  mkdirSync(programs, { recursive: true });
  for (const name of readdirSync(join(root, "usr/bin")).filter((each) => /^(calibre|ebook-|fetch-ebook)/.test(each))) {
    writeFileSync(join(programs, name), program(root, name));
    chmodSync(join(programs, name), 0o755);
  }
  return { suite, root, programs };
}

/** Makes a chroot; the reason when it cannot be made. What was left half-made stays, to be deleted by hand. */
function make(suite: string, root: string): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "a chroot is made by root, on Debian";
  const mirror = mirrorOfThisMachine();
  if (mirror === undefined) return "the sources of apt-get name no Debian to take it from";
  for (const folder of [root, PROGRAMS]) mkdirSync(folder, { recursive: true });
  const steps: Array<readonly [string, string[]]> = [
    ["debootstrap", ["--variant=minbase", suite, root, mirror]],
    ["cp", ["-r", "/etc/apt/apt.conf.d/.", join(root, "etc/apt/apt.conf.d/")]],
    ["chroot", [root, "apt-get", "update", "-qq"]],
    // With the kernel's own folders, and in a space of its own: nothing stays mounted.
    [
      "unshare",
      ["-m", "sh", "-ec", inside(root, 'apt-get install -y -qq --no-install-recommends "$@"'), "sh", ...PACKAGES],
    ],
  ];
  for (const [command, args] of steps) {
    process.stderr.write(`${suite}: ${command} ...\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const { status, error } = spawnSync(command, args, { env, stdio: ["ignore", "ignore", "inherit"] });
    if (error !== undefined) return `${command} could not be started: ${error.message}`;
    if (status !== 0) return `${command} ended with ${status}`;
  }
  writeFileSync(join(root, MARK), "");
  return undefined;
}

/** The address that this machine takes Debian's packages from. */
function mirrorOfThisMachine(): string | undefined {
  const format = "$(ORIGIN) $(LABEL) $(REPO_URI)";
  const { stdout } = spawnSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    encoding: "utf8",
  });
  return /^Debian Debian (\S+)$/m.exec(stdout)?.[1];
}

/**
 * A script that runs `command` inside: the folders that both sides share have the same paths there, and its root is a
 * mount of its own, as a machine's is. Who has no sbin in the PATH can run it too.
 */
function inside(root: string, command: string): string {
  const places = SHARED.map((place) => `"${place}"`).join(" ");
  return `mount --bind "${root}" "${root}"
for place in ${places}; do mkdir -p "${root}$place"; mount --rbind "$place" "${root}$place"; done
exec /usr/sbin/chroot "${root}" sh -c '${command}' sh "$@"`;
}

/** A program of calibre's as a script, started where its caller stands; inside the chroot it is calibre's own. */
function program(root: string, name: string): string {
  const script = inside(root, 'cd "$1" 2>/dev/null; shift; exec "$@"').replaceAll("'", String.raw`'\''`);
  return `#!/bin/sh
[ -e /${MARK} ] && exec /usr/bin/${name} "$@"
exec unshare -m sh -ec '${script}' sh "$PWD" /usr/bin/${name} "$@"
`;
}

if (import.meta.main) {
  for (const suite of process.argv.length > 2 ? process.argv.slice(2) : SUITES) {
    const made = chrootOf(suite);
    const said = "missing" in made ? `no chroot: ${made.missing}` : `KOREADER_PROGRESS_CALIBRE=${made.programs}`;
    process.stdout.write(`${suite}: ${said}\n`);
  }
}
