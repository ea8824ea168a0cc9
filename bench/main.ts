/**
 * Runs the benchmarks one after the other, each in a process of its own: `npm run bench`, or
 * `npm run bench -- NAME…` for some of them. Results stay in `bench/results/NAME.json`.
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
  "wifi",
  "workloads",
  "planners",
];
const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`there is no benchmark '${unknown}'; there are ${all.join(", ")}`);
  process.exit(64);
}
for (const name of chosen.length === 0 ? all : chosen) {
  console.log(`\n== ${name} ==`);
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
