/**
 * The cluster under schedules of faults, in virtual time: `npm run bench -- schedules`, with `SCHEDULES`
 * for how many (default 5000), and with `--several` for two or three models on the same devices. The
 * real coordinator, agents and clients on simulated hosts; every answer is compared, and after the last
 * fault everything must have come to rest. Fails if anything is not as it must be.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Worker } from "node:worker_threads";
import Table from "cli-table3";
import { firstSeveralSeed } from "../dist/sim/cluster/settings.js";
import { addCounts, noCounts, type ScheduleCounts } from "./schedules/counts.js";

const aboutSeveral = `
Two models, in a fifth of the schedules three, run on the same devices: a coordinator for each behind one
address, an agent for each in one process, one memory. Each has programs of its own, which may suffer only
from what befalls hosts or their own model. In two thirds of the schedules a model is unloaded once or
twice and loaded again, in two thirds a device's channels of one model break. In the end a device is lost
for longer, and each model must serve without it where there is a plan; meanwhile one model is unloaded,
loaded again and unloaded, must leave no channel and no part behind, and others that serve must not notice.
`;

const schedules = Number(process.env["SCHEDULES"] ?? 5000);
const isSeveral = process.argv.includes("--several");
const firstSeed = isSeveral ? firstSeveralSeed : 1;
const start = performance.now();
const counts = (await Promise.all(cpus().map((_, worker) => runShare(worker)))).reduce(addCounts);
write(counts, (performance.now() - start) / 1000);
if (counts.failing.length > 0 || counts.irreproducible.length > 0) process.exitCode = 1;

function runShare(first: number): Promise<ScheduleCounts> {
  const last = firstSeed + schedules - 1;
  const workerData = { first: firstSeed + first, last, step: cpus().length };
  const worker = new Worker(new URL("./schedules/worker.js", import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    let counts = noCounts;
    worker.on("message", (message: ScheduleCounts) => {
      counts = message;
    });
    worker.on("error", reject);
    worker.on("exit", () => resolve(counts));
  });
}

function write(found: ScheduleCounts, seconds: number): void {
  const folder = new URL("../bench/results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const measuredAt = new Date().toISOString();
  const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length}, Node ${process.version}`;
  const result = { measuredAt, machine, seconds: Math.round(seconds), ...found };
  const name = isSeveral ? "schedules-several" : "schedules";
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
  const rows = rowsOf(found, seconds);
  const faults = sorted(found.faults).map(([name, count]) => [name, String(count)] as const);
  const table = new Table({ head: ["", ""] });
  table.push(...[...rows, ...faults].map((row) => [...row]));
  console.log(table.toString());
  for (const { schedule, is } of found.failing) console.log(is, schedule);
  const text = `# Schedules of faults

Made on ${measuredAt.slice(0, 10)}: ${machine}. The real coordinator, agents and clients in virtual time
on simulated hosts: three to five devices in a mesh, graphs of three to six nodes, some with the answer
wanted on a device of its own, some too large for one device, or for two plans at once, some with devices that cannot be dialled,
some with devices that reach each other through the coordinator only.
Four programs ask: one gives up with its channel, one asks again under the same ids, one reads nothing,
and one is struck by faults itself; some questions have deadlines, some are given up, some are asked
twice at once. Each schedule has one to five faults at random times, overlapping as they may; in half
of them messages come twice and out of order, in half the plan is changed while it serves, and in some
a device refuses the next part that it is to load. Nothing is left out: seeds ${firstSeed} to ${firstSeed + found.schedules - 1}. Each answer is compared bit for bit with the whole model's; after
the last fault every device must be back, hold no bytes and no requests, and have exactly the channels
that the plan needs.
${isSeveral ? aboutSeveral : ""}
${tableOf(["", ""], rows)}

What befell them, how often:

${tableOf(["fault", "times"], faults)}
`;
  writeFileSync(new URL(`${name}.md`, folder), text);
}

function rowsOf(found: ScheduleCounts, seconds: number): (readonly [string, string])[] {
  const { failed } = found;
  const others = Object.entries(failed).filter(([code]) => !/cancelled|abandoned/.test(code));
  return [
    ["schedules", String(found.schedules)],
    ["schedules in which something was not as it must be", String(found.failing.length)],
    [
      "run twice, and not the same to the last frame",
      `${found.irreproducible.length} of ${found.repeated}`,
    ],
    ["faults", String(Object.values(found.faults).reduce((sum, count) => sum + count, 0))],
    ["requests", String(found.asked)],
    ["answered, bit for bit right", String(found.answered - found.wrong)],
    ["lost: never ended", String(found.lost)],
    ["doubled: two answers", String(found.doubled)],
    ["wrong: another answer", String(found.wrong)],
    ["given up by the program that asked", String(failed["cancelled"] ?? 0)],
    ["of a program that was killed", String(failed["abandoned"] ?? 0)],
    ...sorted(Object.fromEntries(others)).map(
      ([code, count]) => [`told ${code}`, String(count)] as const,
    ),
    ["sent through another plan after a loss", String(found.replays)],
    ["generations", String(found.generations)],
    ["plans gone over to while another served", String(found.adoptions)],
    ["frames", String(found.frames)],
    ["virtual hours", (found.virtualSeconds / 3600).toFixed(1)],
    ["took", `${seconds.toFixed(0)} s`],
  ];
}

function sorted(counts: Readonly<Record<string, number>>): (readonly [string, number])[] {
  return Object.entries(counts).toSorted(([, one], [, other]) => other - one);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}
