/** The version of everything that is built together; the build replaces it from package.json. */
declare const __VERSION__: string | undefined;

export const VERSION: string = typeof __VERSION__ === "string" ? __VERSION__ : "development";
