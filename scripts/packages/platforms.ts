/** The machines that get a package with a runtime inside, each named so that a reader knows which is theirs. */

interface Binary {
  /** What the registry calls the runtime for this machine: `@deno/NAME`. */
  readonly name: "win32-x64" | "darwin-arm64" | "darwin-x64" | "linux-x64-glibc" | "linux-arm64-glibc";
  /** Python's `sys.platform` and, in lower case, `platform.machine()` there. */
  readonly system: "win32" | "darwin" | "linux";
  readonly machines: readonly string[];
}

export interface Platform {
  /** Part of the package's file name. */
  readonly name: string;
  /** calibre's own word for the system. */
  readonly calibre: "windows" | "osx" | "linux";
  readonly binaries: readonly Binary[];
}

const ARM = ["arm64", "aarch64"];
const INTEL = ["x86_64", "amd64"];

export const PLATFORMS: readonly Platform[] = [
  {
    name: "windows-x64",
    calibre: "windows",
    // Windows on ARM runs it too, in its emulation.
    binaries: [{ name: "win32-x64", system: "win32", machines: [...INTEL, ...ARM] }],
  },
  {
    name: "macos",
    calibre: "osx",
    binaries: [
      { name: "darwin-arm64", system: "darwin", machines: ARM },
      { name: "darwin-x64", system: "darwin", machines: INTEL },
    ],
  },
  { name: "linux-x64", calibre: "linux", binaries: [{ name: "linux-x64-glibc", system: "linux", machines: INTEL }] },
  { name: "linux-arm64", calibre: "linux", binaries: [{ name: "linux-arm64-glibc", system: "linux", machines: ARM }] },
];

/** What a runtime's file is called inside a package. */
export function fileNameOf({ name, system }: Binary): string {
  return system === "win32" ? `deno-${name}.exe` : `deno-${name}`;
}

export type { Binary };
