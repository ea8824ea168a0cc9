/**
 * Runs the benchmarks one after the other, each in a process of its own: `npm run bench`, or
 * `npm run bench -- NAME… [OPTION…]` for some of them; those of the test bed and of servers only so. Results stay in `bench/results/NAME.json`.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const all = [
  "onnx-io",
  "exact-line",
  "envelope",
  "additive",
  "transport",
  "prediction",
  "pipeline",
  "scale",
  "fronts",
  "simulate",
  "adaptive",
  "wifi",
  "faults",
  "schedules",
  "workloads",
  "planners",
  "tiles",
  "several",
  "serving",
  "batching",
];
/** As root, with network namespaces; only when named. */
const onTestbed = [
  "testbed-check",
  "testbed-traces",
  "testbed-adapt",
  "testbed-readme",
  "testbed-memory",
  "testbed-tiles",
];
/** Needs a server that is not installed with this package; only when named. */
const onServer = ["nats"];
const named = [...all, ...onTestbed, ...onServer];
const words = process.argv.slice(2);
/** What stands behind the names belongs to the benchmarks. */
const firstOption = words.findIndex((word) => word.startsWith("-"));
const chosen = firstOption < 0 ? words : words.slice(0, firstOption);
const options = firstOption < 0 ? [] : words.slice(firstOption);
const unknown = chosen.find((name) => !named.includes(name));
if (unknown !== undefined) {
  console.error(`there is no benchmark '${unknown}'; there are ${named.join(", ")}`);
  process.exit(64);
}
for (const name of chosen.length === 0 ? all : chosen) {
  console.log(`\n== ${name} ==`);
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = status === 69 ? 69 : 1;
}
