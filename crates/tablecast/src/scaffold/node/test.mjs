// node --test   (`tablecast` has to be on the PATH)

import assert from "node:assert";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const tablecast = (...given) =>
  spawnSync("tablecast", [...given, "--connector", "@name@.mjs"], { cwd: import.meta.dirname, encoding: "utf8" });

test("rows are read", () => {
  const ran = tablecast("serve", "example.@name@", "--get", "/example/words.json?_sort=count&_shape=array");
  assert.strictEqual(ran.status, 0, ran.stderr);
  assert.deepStrictEqual(JSON.parse(ran.stdout).map((row) => row.word), ["south", "west", "north", "east"]);
});

test("it keeps its promises", () => {
  const ran = tablecast("connector", "test", "example.@name@");
  assert.strictEqual(ran.status, 0, ran.stdout + ran.stderr);
});
