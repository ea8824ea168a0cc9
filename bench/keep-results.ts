import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** Writes what a benchmark found to `bench/results/NAME.json`, with what it ran on. */
export function keepResults(name: string, findings: Readonly<Record<string, unknown>>): void {
  const command = `npm run bench -- ${name}`;
  const machine = { node: process.version, cpu: cpus()[0]?.model };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(
    `bench/results/${name}.json`,
    `${JSON.stringify({ command, ...machine, ...findings }, null, 2)}\n`,
  );
}
