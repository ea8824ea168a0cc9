/**
 * Tile-parallel stages on the test bed, as root: `npm run bench -- testbed-tiles`, some 25 minutes;
 * `--part NAME` and `--cell NAME` for some of it. Real processes, TCP with TLS, links with rates of
 * their own, parts of a core; every answer is compared with the whole model's. What other cells came to
 * is kept.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { demandTestbed, Testbed } from "./testbed/testbed.js";
import { type Cell, measureCell, type Row } from "./testbed/tiles/cell.js";
import { type Part, parts } from "./testbed/tiles/parts.js";
import { tablesOf } from "./testbed/tiles/tables.js";

interface Document {
  readonly cells: readonly Cell[];
}

const results = "bench/results/testbed-tiles";
const { values } = parseArgs({
  options: { part: { type: "string" }, cell: { type: "string" }, requests: { type: "string" } },
});
const chosen = parts.filter(({ name }) => values.part === undefined || name === values.part);
const cellsOf = ({ cells }: Part): readonly string[] =>
  cells.filter((name) => values.cell === undefined || name === values.cell);
if (chosen.every((part) => cellsOf(part).length === 0)) {
  const all = parts.map(({ name, cells }) => `${name} (${cells.join(", ")})`);
  console.error(`--part and --cell are of ${all.join("; ")}`);
  process.exit(64);
}
demandTestbed();
const folder = mkdtempSync(join(tmpdir(), "partita-testbed-"));
// Ctrl-C leaves nothing behind, either.
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const part of chosen) {
  for (const name of cellsOf(part)) keep(await measure(part, name));
}

async function measure(part: Part, name: string): Promise<Cell & { loadBefore: number }> {
  console.log(`\n-- ${part.name}, ${name} --`);
  const loadBefore = loadavg()[0] ?? Number.NaN;
  const wants = part.wants(name, hopSecondsOf(known()));
  const testbed = Testbed.up(Object.keys(wants[0]?.setting.quotas ?? {}));
  try {
    for (const [device, core] of Object.entries(part.cores)) testbed.pin(device, core);
    const requests = Number(values.requests ?? part.options.requests);
    const imitated = part.imitated?.(name);
    const limits = imitated === undefined ? {} : { imitated };
    const options = { ...part.options, ...limits, requests, testbed, folder };
    return { ...(await measureCell(part.name, name, wants, options)), loadBefore };
  } finally {
    await testbed.down();
  }
}

/** Of all cells that have been measured, the last time that they were. */
function known(): readonly Cell[] {
  const file = `${results}.json`;
  if (!existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, "utf8")) as Document).cells;
}

/** What tiles add to the agents' own work, by hop, at the profile's speed; 0: not measured. */
function hopSecondsOf(cells: readonly Cell[]): number {
  const cell = cells.find(({ part }) => part === "hops");
  const [alone, tiled] = cell?.rows ?? [];
  if (cell === undefined || alone === undefined || tiled === undefined) return 0;
  const added = ownSeconds(tiled) - ownSeconds(alone);
  const [speed = 1] = Object.values(cell.speeds);
  return Math.max(0, (added * speed) / tiled.hops);
}

function ownSeconds({ measured }: Row): number {
  const seconds = Object.values(measured?.agentSeconds ?? {});
  return seconds.reduce((sum, one) => sum + one, 0);
}

/** Beside what is known of other cells. */
function keep(cell: Cell): void {
  const all = [cell, ...known()];
  const cells = parts.flatMap((part) =>
    part.cells.flatMap(
      (name) => all.find((one) => one.part === part.name && one.name === name) ?? [],
    ),
  );
  const surroundings = { node: process.version, cpu: cpus()[0]?.model, kernel: release() };
  const document = { command: "npm run bench -- testbed-tiles", ...surroundings, cells };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(`${results}.json`, `${JSON.stringify(document, null, 2)}\n`);
  const text = tablesOf(cells, hopSecondsOf(cells));
  writeFileSync(`${results}.md`, text);
  console.log(text);
}
