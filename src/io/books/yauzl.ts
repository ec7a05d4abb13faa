// yauzl is CommonJS: imported lazily from a bundle with chunks it would come without its named exports, but this file keeps them.
export { openPromise } from "yauzl";
