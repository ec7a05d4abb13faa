/** The versions of what is built together, and of what both sides say to each other. */

declare const __VERSION__: string | undefined;

/** From package.json; the build puts it in. */
export const VERSION: string = typeof __VERSION__ === "string" ? __VERSION__ : "development";

/** Raised whenever an older other side would misunderstand us. */
export const CONTRACT_VERSION = 1;
