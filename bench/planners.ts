/**
 * Every planner against every other: `npm run bench -- planners`, which is `partita bench planners` with
 * its results kept here.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [script, "bench", "planners", "--output", "bench/results"],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
