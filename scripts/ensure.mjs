// Makes each command enough on a fresh machine: runs on Node 20, before anything is installed.
// It installs the locked packages when the lockfile has changed, and the programs that the command needs where it can.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const purpose = process.argv[2] ?? "test";

/** What each command needs beyond the npm packages: an executable, and the Debian package that brings it. */
const needs = {
  build: {},
  start: { "calibre-debug": "calibre", unshare: "util-linux", ip: "iproute2" },
  test: {
    "calibre-debug": "calibre",
    "redis-server": "redis-server",
    epubcheck: "epubcheck",
    msgfmt: "gettext",
    chromium: "chromium",
    openssl: "openssl",
    unshare: "util-linux",
    ip: "iproute2",
  },
};

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
}

function installPackages() {
  const stamp = join(root, "node_modules", ".lock-stamp");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.error("Installing the locked npm packages ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status } = run(npm, ["ci", "--loglevel=error"], { shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

function isOnPath(program) {
  return (process.env.PATH ?? "")
    .split(process.platform === "win32" ? ";" : ":")
    .some((folder) => existsSync(join(folder, program)));
}

function installPrograms(wanted) {
  if (Object.keys(wanted).length === 0) return;
  if (process.platform !== "linux") {
    // Elsewhere calibre brings its own installer and folder; KOREADER_PROGRESS_CALIBRE may name it.
    if (!isOnPath("calibre-debug") && !process.env.KOREADER_PROGRESS_CALIBRE) {
      console.error(
        "Please install calibre 6.0 or newer (calibre-ebook.com) and put its command line tools on the PATH.",
      );
      process.exit(1);
    }
    return;
  }
  const missing = [
    ...new Set(
      Object.entries(wanted)
        .filter(([program]) => !isOnPath(program))
        .map(([, name]) => name),
    ),
  ];
  if (missing.length === 0) return;
  const isDebianRoot = isOnPath("apt-get") && process.getuid?.() === 0;
  if (!isDebianRoot) {
    console.error(
      `Please install: ${missing.join(" ")}\nOn Debian or Ubuntu: sudo apt-get install ${missing.join(" ")}`,
    );
    process.exit(1);
  }
  console.error(`Installing ${missing.join(" ")} with apt-get ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = { env, stdio: ["ignore", "ignore", "inherit"] };
  run("apt-get", ["update", "-qq"], quiet);
  const { status } = run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], quiet);
  if (status !== 0) {
    console.error(`apt-get could not install ${missing.join(" ")}. Install them by hand and try again.`);
    process.exit(1);
  }
}

installPackages();
installPrograms(needs[purpose] ?? needs.test);
