/** Writes contract.schema.json and calibre_plugin/link/contract.py from bridge/contract.ts; `--check` only says whether they drifted. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as z from "zod";
import { BOOKS_PER_MESSAGE, LIBRARY_METHODS, METHODS, NOTIFICATIONS, RPC_ERRORS } from "../bridge/contract.ts";
import { CONTRACT_VERSION } from "../bridge/version.ts";
import { CALIBRE_DEVICE, OWN_DEVICE_PREFIX, PUSH_DEVICE_PREFIX } from "../src/core/peek.ts";
import {
  COPIES_LEFT,
  COPIES_SEEN,
  DigestSource,
  EPUB_FORMATS,
  REAL_COPIES,
  WITNESSED,
  WORTH_LOGGING,
} from "../src/model/digest.ts";
import { LONGEST_REVIEW, MOST_DAYS } from "../src/model/device-reading.ts";
import { SYNC_ERRORS } from "../src/model/error.ts";
import { DEFAULT_RULES, FITTING } from "../src/model/profile.ts";

/** The part of JSON Schema that zod makes of our models. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
}

type Methods = Readonly<Record<string, { readonly params: z.ZodType; readonly result: z.ZodType }>>;

function methodsOf(methods: Methods): z.ZodType {
  return z.strictObject(
    Object.fromEntries(
      Object.entries(methods).map(([name, { params, result }]) => [name, z.strictObject({ params, result })]),
    ),
  );
}

const ROOT = z.strictObject({
  methods: methodsOf(METHODS),
  notifications: z.strictObject(NOTIFICATIONS),
  library_methods: methodsOf(LIBRARY_METHODS),
});

const schema = z.toJSONSchema(ROOT, { target: "draft-2020-12" }) as Schema & { $defs: Record<string, Schema> };

const PYTHON_NAMES: Readonly<Record<string, string>> = {
  string: "str",
  integer: "int",
  number: "float",
  boolean: "bool",
  null: "None",
};

/** Turns schemas into Python, class after class, each after the classes it needs. */
class PythonTypes {
  readonly written: string[] = [];
  readonly #known = new Set<string>();

  /** The Python type of a schema; a nameless object becomes a class named after its place. */
  typeOf(schema: Schema, place: string): string {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.replace("#/$defs/", "");
      this.define(name);
      return name;
    }
    if (schema.const !== undefined) return `Literal[${literal(schema.const)}]`;
    if (schema.enum !== undefined) return `Literal[${schema.enum.map(literal).join(", ")}]`;
    const union = schema.anyOf ?? schema.oneOf;
    if (union !== undefined) return union.map((part) => this.typeOf(part, place + variantOf(part))).join(" | ");
    if (schema.type === "array") return `list[${this.typeOf(schema.items ?? {}, `${place}Item`)}]`;
    if (schema.type === "object" && schema.properties === undefined) {
      const values = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
      return `dict[str, ${this.typeOf(values, `${place}Value`)}]`;
    }
    if (schema.type === "object") {
      this.#writeClass(place, schema);
      return place;
    }
    const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
    return types.map((type) => PYTHON_NAMES[type] ?? "Any").join(" | ") || "Any";
  }

  define(name: string): void {
    if (this.#known.has(name)) return;
    this.#known.add(name);
    const body = definitions[name] ?? {};
    if (body.type === "object" && body.properties !== undefined) this.#writeClass(name, body);
    else {
      const type = this.typeOf(body, name);
      this.written.push(`${name} = ${type}`);
      if (body.enum !== undefined) {
        this.written.push(`${constantName(name)}: Final[tuple[${name}, ...]] = get_args(${name})`);
      }
    }
  }

  #writeClass(name: string, body: Schema): void {
    const required = new Set(body.required);
    const fields = Object.entries(body.properties ?? {}).map(([key, value]) => ({
      line: `    ${key}: ${this.typeOf(value, name + pascal(key))}`,
      required: required.has(key),
    }));
    const needed = fields.filter((field) => field.required).map(({ line }) => line);
    const optional = fields.filter((field) => !field.required).map(({ line }) => line);
    // NotRequired came with Python 3.11, and calibre 6.0 brings 3.10: optional keys live in a class of their own.
    if (optional.length === 0) this.written.push(`class ${name}(TypedDict):\n${needed.join("\n") || "    pass"}`);
    else if (needed.length === 0) this.written.push(`class ${name}(TypedDict, total=False):\n${optional.join("\n")}`);
    else {
      this.written.push(`class ${name}Required(TypedDict):\n${needed.join("\n")}`);
      this.written.push(`class ${name}(${name}Required, total=False):\n${optional.join("\n")}`);
    }
  }
}

const definitions = schema.$defs;

function literal(value: unknown): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

function pascal(name: string): string {
  return name.replaceAll(/(?:^|[_/])([a-z])/gi, (_, letter: string) => letter.toUpperCase());
}

function constantName(name: string): string {
  return `${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()}S`.replace(/YS$/, "IES").replace(/SS$/, "SES");
}

/** What tells one variant of a union from the others: the value of its constant. */
function variantOf(part: Schema): string {
  const constant = Object.values(part.properties ?? {}).find((property) => property.const !== undefined);
  return typeof constant?.const === "string" ? pascal(constant.const) : "";
}

function dictionary(name: string, keys: string, entries: Readonly<Record<string, number>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `    ${literal(key)}: ${value},`);
  return `${name}: Final[dict[${keys}, int]] = {\n${lines.join("\n")}\n}`;
}

/** A set of named things; in their own order, so that the same contract always makes the same file. */
function set(name: string, members: string, values: Iterable<string>): string {
  return `${name}: Final[frozenset[${members}]] = frozenset({${[...values].map(literal).join(", ")}})`;
}

/** Which datatypes can show what, after the types that it names. */
function fitting(): string {
  const lines = Object.entries(FITTING).map(
    ([field, datatypes]) =>
      `    ${literal(field)}: (${datatypes.map((datatype) => `${literal(datatype)},`).join(" ")}),`,
  );
  return `FITTING: Final[dict[ColumnField, tuple[ColumnDatatype, ...]]] = {\n${lines.join("\n")}\n}`;
}

/** Method -> the types of what it takes and of what it answers. */
function shapesOf(name: string, methods: Methods): string {
  const lines = Object.entries(methods).map(
    ([method, { params, result }]) => `    ${literal(method)}: (${nameOf(params)}, ${nameOf(result)}),`,
  );
  return `${name}: Final[dict[str, tuple[object, object]]] = {\n${lines.join("\n")}\n}`;
}

function nameOf(model: z.ZodType): string {
  const id = model.meta()?.id;
  if (id === undefined) throw new Error("what a method takes and answers has a name");
  return id;
}

/** How far each source is trusted, 0 most, and what the sources have in common that this side decides by. */
function digestSources(): string[] {
  const trust = Object.fromEntries(DigestSource.options.map((source, rank) => [source, rank]));
  const sets = { COPIES_LEFT, REAL_COPIES, COPIES_SEEN, WITNESSED, WORTH_LOGGING };
  return [
    dictionary("TRUST", "DigestSource", trust),
    ...Object.entries(sets).map(([name, sources]) => set(name, "DigestSource", sources)),
  ];
}

function python(): string {
  const types = new PythonTypes();
  const writing = Object.entries(METHODS).flatMap(([name, { writes }]) => (writes ? [name] : []));
  for (const name of Object.keys(definitions)) types.define(name);
  return [
    '"""What crosses between calibre and the bridge. Generated from bridge/contract.ts by `npm run contract`: do not edit."""',
    "from __future__ import annotations",
    `from typing import ${types.written.some((text) => /\bAny\b/.test(text)) ? "Any, " : ""}Final, Literal, TypedDict, get_args`,
    "",
    `CONTRACT_VERSION: Final = ${CONTRACT_VERSION}`,
    `BOOKS_PER_MESSAGE: Final = ${BOOKS_PER_MESSAGE}`,
    `LONGEST_REVIEW: Final = ${LONGEST_REVIEW}`,
    `MOST_DAYS: Final = ${MOST_DAYS}`,
    `SyncErrorName = Literal[${Object.keys(SYNC_ERRORS).map(literal).join(", ")}]`,
    dictionary("SYNC_ERRORS", "SyncErrorName", SYNC_ERRORS),
    dictionary("RPC_ERRORS", "str", RPC_ERRORS),
    `WRITING_METHODS: Final = frozenset((${writing.map(literal).join(", ")},))`,
    ...types.written,
    shapesOf("METHODS", METHODS),
    shapesOf("LIBRARY_METHODS", LIBRARY_METHODS),
    `NOTIFICATIONS: Final[dict[str, object]] = {${Object.entries(NOTIFICATIONS)
      .map(([name, notice]) => `${literal(name)}: ${nameOf(notice)},`)
      .join(" ")}}`,
    fitting(),
    ...digestSources(),
    set("EPUB_FORMATS", "str", EPUB_FORMATS),
    ...Object.entries({ CALIBRE_DEVICE, OWN_DEVICE_PREFIX, PUSH_DEVICE_PREFIX }).map(
      ([name, text]) => `${name}: Final = ${literal(text)}`,
    ),
    // JSON without true, false and null is Python too.
    `DEFAULT_RULES: Final[Rules] = ${JSON.stringify(DEFAULT_RULES, null, 4)}`,
  ].join("\n\n");
}

/** Python as ruff formats it, so that the generated file passes the same checks as the rest. */
async function formatted(text: string): Promise<string> {
  const { PositionEncoding, Workspace } = await import("@astral-sh/ruff-wasm-nodejs");
  return new Workspace({ "line-length": 120, "target-version": "py310" }, PositionEncoding.Utf16).format(text);
}

const products: Readonly<Record<string, string>> = {
  "contract.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
  "calibre_plugin/link/contract.py": await formatted(python()),
};
const check = process.argv.includes("--check");
for (const [path, text] of Object.entries(products)) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) {
    process.stdout.write(`${path} has drifted from bridge/contract.ts: run npm run contract\n`);
    process.exitCode = 1;
  } else writeFileSync(path, text);
}
