// Publishes files of words and numbers: tablecast serve example.@name@ --connector @name@.mjs

import { readFileSync } from "node:fs";
import { run, unreadable } from "./tablecast.mjs";

run({
  name: "@name@",
  opens: "Words and numbers (.@name@)",
  extensions: [".@name@"],
  open(path) {
    this.path = path;
  },
  tableNames() {
    return ["words"];
  },
  *scan(table) {
    const lines = readFileSync(this.path, "utf8").trimEnd().split("\n");
    for (const [at, line] of lines.entries()) {
      const [word, count] = line.split(" ");
      if (!Number.isInteger(Number(count))) throw unreadable(`line ${at + 1}: ${count} is no number`);
      yield { word, count: Number(count) };
    }
  },
});
