import { readFileSync } from "node:fs";

import { run } from "../../sdk/node/tablecast.mjs";

run({
  name: "lines",
  extensions: [".lines"],
  open(path) {
    this.path = path;
  },
  tableNames() {
    return ["lines"];
  },
  *scan() {
    for (const line of readFileSync(this.path, "utf8").trim().split("\n")) {
      const [word, number] = line.split(" ");
      yield { word, number: Number(number) };
    }
  },
});
