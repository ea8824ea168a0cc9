/**
 * How planners and the simulator grow: `npm run bench -- scale`, which is `partita bench scale` with
 * its results kept here.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [script, "bench", "scale", "--output", "bench/results"],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
