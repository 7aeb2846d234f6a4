// Write a connector for Tablecast in JavaScript: an object with `tableNames` and `scan`, given to `run`.
//
//     import { run } from "./tablecast.mjs";
//     run({
//       name: "lines", extensions: [".lines"],
//       open(path) { this.path = path; },
//       tableNames() { return ["lines"]; },
//       *scan(table) { for (const line of readFileSync(this.path, "utf8").split("\n")) yield { line }; },
//     });
//
// What a connector does not do (filters, sorts, facets, counts, SQL), Tablecast does. The protocol is specified in
// docs/protocol.md. Needs Node 18 or newer and nothing else.

import { createInterface } from "node:readline";

const PROTOCOL = 1;
const BATCH_ROWS = 1000;
const BATCH_CELLS = 200_000;
// A page and the row that tells whether another follows.
const FIRST_ROWS = 101;
const SAMPLE = 1000;

// The optional methods, by their names in the protocol.
const OPTIONAL = {
  hidden_table_names: "hiddenTableNames",
  view_names: "viewNames",
  table_count: "tableCount",
  foreign_keys: "foreignKeys",
  table_definition: "tableDefinition",
  indices_definition: "indicesDefinition",
  execute: "execute",
  ask: "ask",
};

/** What a connector throws to say what is wrong; the message is shown to whoever asked. */
export class Failure extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}
export const notFound = (message) => new Failure("not_found", message);
export const unsupported = (message) => new Failure("unsupported", message);
export const unreadable = (message) => new Failure("unreadable", message);

class Cancelled extends Error {}

const credit = new Map();
const cancelled = new Set();
let wake = () => {};

function send(message) {
  return new Promise((sent) => process.stdout.write(JSON.stringify(message) + "\n", sent));
}

/** Sends a batch as soon as there is credit for it. */
async function batch(id, rows) {
  while (!(credit.get(id) > 0) && !cancelled.has(id)) await new Promise((woken) => (wake = woken));
  if (cancelled.has(id)) throw new Cancelled();
  credit.set(id, credit.get(id) - 1);
  await send({ type: "batch", id, rows });
  // Lets a cancel in.
  await new Promise(setImmediate);
}

/** A value as a JSON cell. */
function cell(value, type) {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return Number(value);
    throw unreadable(`${value} is too large for a number of JavaScript's JSON; tell the column as text`);
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { real: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  if (typeof value === "object") return JSON.stringify(value);
  return type === "text" && typeof value !== "string" ? String(value) : value;
}

function kind(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "bigint" || Number.isInteger(value)) return "integer";
  if (typeof value === "number") return "real";
  if (value instanceof Date) return "timestamp_utc";
  if (value instanceof Uint8Array) return "blob";
  return typeof value === "object" ? "json" : "text";
}

/** What has room for all of these. */
function widest(kinds) {
  const found = new Set(kinds.filter((one) => one !== null));
  if (found.size === 0) return "text";
  if (found.size === 1) return [...found][0];
  return [...found].every((one) => one === "integer" || one === "real") ? "real" : "text";
}

/** The columns of a table: as the author tells them, or as the first rows do. */
async function tableInfo(connector, known, table) {
  let told = connector.tableInfo ? await connector.tableInfo(table) : null;
  if (told === null) {
    if (!(await connector.tableNames()).includes(table)) throw notFound(`no such table: ${table}`);
    const sample = [];
    for await (const row of connector.scan(table, {})) {
      sample.push(row);
      if (sample.length === SAMPLE) break;
    }
    if (sample.length === 0) throw unreadable(`${table} has no rows to tell its columns by; give it a tableInfo`);
    const names = [...new Set(sample.flatMap((row) => Object.keys(row)))];
    told = names.map((name) => ({ name, type: widest(sample.map((row) => kind(row[name]))) }));
  }
  if (Array.isArray(told)) told = { columns: told };
  known.set(table, told);
  return told;
}

async function scan(connector, known, id, params) {
  const info = known.get(params.table) ?? (await tableInfo(connector, known, params.table));
  const types = new Map(info.columns.map((column) => [column.name, column.type]));
  const values = (row) => params.columns.map((name) => cell(row[name], types.get(name)));
  let rows = [];
  const later = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_CELLS / params.columns.length)));
  let most = Math.min(FIRST_ROWS, later);
  let left = params.limit ?? Infinity;
  for await (const row of connector.scan(params.table, params)) {
    rows.push(values(row));
    if (rows.length === most) {
      await batch(id, rows);
      [rows, most] = [[], later];
    }
    if (--left <= 0) break;
  }
  if (rows.length > 0) await batch(id, rows);
  return {};
}

async function answer(state, { id, method, params }) {
  const { connector, known } = state;
  if (method === "open") {
    known.clear();
    connector.options = params.options ?? {};
    await connector.open?.(params.location);
    return {};
  }
  if (method === "table_names") return [...(await connector.tableNames())];
  if (method === "table_info") return tableInfo(connector, known, params.table);
  if (method === "scan") return scan(connector, known, id, params);
  if (method === "execute" && connector.execute) {
    const { columns, rows } = await connector.execute(params.sql, params.parameters);
    await send({ type: "columns", id, columns });
    for await (const row of rows) await batch(id, [row.map((value) => cell(value))]);
    return {};
  }
  const name = OPTIONAL[method];
  if (name === undefined || !connector[name]) throw unsupported(`There is no method ${method}`);
  return connector[name](params.table, params);
}

function hello(connector) {
  return {
    type: "hello",
    protocol: PROTOCOL,
    name: connector.name,
    opens: connector.opens,
    methods: Object.keys(OPTIONAL).filter((method) => connector[OPTIONAL[method]]),
    pushdown: connector.pushdown ?? {},
    sql: connector.sql ?? null,
    recognizes: { extensions: connector.extensions ?? [], schemes: connector.schemes ?? [], magic: connector.magic ?? [] },
  };
}

/** Speaks for a connector on standard input and output until the host says goodbye. */
export function run(connector) {
  if (process.stdin.isTTY) {
    console.error(`This is a connector: run  tablecast serve FILE --connector ${process.argv[1]}`);
    process.exit(1);
  }
  // Standard output is the protocol's alone.
  console.log = console.info = console.debug = console.error;
  const state = { connector, known: new Map() };
  let before = Promise.resolve();
  const serve = async (said) => {
    try {
      await send({ type: "result", id: said.id, result: (await answer(state, said)) ?? null });
    } catch (error) {
      if (!(error instanceof Failure) && !(error instanceof Cancelled)) console.error(error);
      const kind = error instanceof Cancelled ? "cancelled" : (error.kind ?? "internal");
      const message = error instanceof Failure ? error.message : `${error.name} in ${said.method}; the log says more`;
      await send({ type: "error", id: said.id, error: { kind, message } });
    }
    credit.delete(said.id);
    cancelled.delete(said.id);
  };
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
  lines.on("line", (line) => {
    const said = JSON.parse(line);
    if (said.type === "hello") send(hello(connector));
    if (said.type === "goodbye") before.then(() => process.exit(0));
    if (said.type === "credit") credit.set(said.id, (credit.get(said.id) ?? 0) + said.batches);
    if (said.type === "cancel") cancelled.add(said.id);
    if (said.type === "request") {
      credit.set(said.id, said.credit ?? 0);
      before = before.then(() => serve(said));
    }
    wake();
  });
  lines.on("close", () => process.exit(0));
}
