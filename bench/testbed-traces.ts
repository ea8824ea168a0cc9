/**
 * Writes the bandwidth traces of the test bed anew: `npm run bench -- testbed-traces`. Seeded: the
 * same files each time.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createRandom } from "../dist/base/random.js";
import { makeTrace, traceModels, writeTrace } from "./testbed/traces.js";

const folder = "bench/data/traces";
const seconds = 300;
mkdirSync(folder, { recursive: true });
for (const model of traceModels) {
  const rows = makeTrace(model, seconds, createRandom(model.seed));
  writeFileSync(`${folder}/${model.name}.csv`, writeTrace(rows, "camera<->gateway"));
  const sorted = rows.map(({ bitsPerSecond }) => bitsPerSecond / 1e6).sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * sorted.length)] ?? 0).toFixed(2);
  console.log(`${model.name}: p10 ${at(0.1)}, p50 ${at(0.5)}, p90 ${at(0.9)} Mbit/s`);
}
writeFileSync(`${folder}/models.json`, `${JSON.stringify({ seconds, traceModels }, null, 2)}\n`);
