/**
 * A network that a device has not the memory for, tile by tile: `npm run bench -- testbed-memory`, as
 * root. VGG-16 and DarkNet-53 at 448 × 448, that is twice 224, on a device in a control group with a
 * limit of memory; the coordinator is outside of it. For each way to run the network the smallest limit
 * is looked for with which it answers.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../dist/base/clock.node.js";
import { readPlan } from "../dist/plan/plan.js";
import {
  board,
  type Files,
  isPlanned,
  type Outcome,
  prepare,
  smallestPlan,
  tryLimit,
  type Way,
  ways,
} from "./testbed/memory.js";
import { demandTestbed, Testbed } from "./testbed/testbed.js";

/** Tried from above until one is too small. */
const limits = [640e6, 448e6, 320e6, 224e6, 160e6, 128e6, 112e6, 96e6, 80e6];
/** Twice the usual 224. VGG-16 pools what its convolutions make to the 7 × 7 that its classifier reads. */
const networks = ["darknet53", "vgg16"].map((name) => `zoo:${name}?resolution=448`);

interface Trial {
  readonly limitBytes: number;
  readonly outcome: Outcome;
}

interface Row {
  readonly way: Way;
  /** By the plan: parameters, tensors and the runtime's own. */
  readonly plannedBytes: number | null;
  /** Without a limit. */
  readonly free: Outcome;
  readonly trials: readonly Trial[];
}

interface Finding {
  readonly network: string;
  readonly plannedTiles: readonly string[];
  readonly rows: readonly Row[];
}

const names: Readonly<Record<Way, string>> = {
  runtime: "whole, ONNX Runtime alone",
  mapped: "whole, ONNX Runtime alone, weights as in their files",
  whole: "whole, agent",
  tiles: "tile by tile, agent",
};

demandTestbed();
const root = mkdtempSync(join(tmpdir(), "partita-memory-"));
process.once("exit", () => rmSync(root, { recursive: true, force: true }));
const testbed = Testbed.up([board, "desk"]);
const started = systemClock.now();
const findings: Finding[] = [];
try {
  for (const network of networks) {
    findings.push(await measure(network));
    report();
  }
} finally {
  await testbed.down();
}

async function measure(network: string): Promise<Finding> {
  const files = await prepare(testbed, join(root, network.replace(/\W/g, "-")), network);
  await smallestPlan(testbed, files);
  // Puts the weights into the device's store: what it takes to write them is not looked at.
  await tryLimit(testbed, files, "whole", null);
  const rows: Row[] = [];
  for (const way of ways) {
    const free = await tryLimit(testbed, files, way, null);
    const trials = await descend(files, way, free);
    rows.push({ way, plannedBytes: plannedBytes(files, way), free, trials });
    const ends = trials.map(
      ({ limitBytes, outcome }) => `${inMegabytes(limitBytes)}: ${outcome.end}`,
    );
    console.log(`${network}, ${way}: ${inMegabytes(free.peakBytes)} MB; ${ends.join("; ")}`);
  }
  return { network, plannedTiles: tilesOf(files), rows };
}

/** The limits below what it took without one, until it does not work. */
async function descend(files: Files, way: Way, { peakBytes }: Outcome): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const limitBytes of limits.filter((limit) => limit < peakBytes)) {
    const outcome = await tryLimit(testbed, files, way, limitBytes);
    trials.push({ limitBytes, outcome });
    if (!outcome.isRight) break;
  }
  return trials;
}

function plannedBytes(files: Files, way: Way): number | null {
  if (!isPlanned(way)) return null;
  const { claimed } = readPlan(readFileSync(files.plans[way], "utf8"));
  return claimed.memoryBytes[board] ?? null;
}

function tilesOf(files: Files): string[] {
  const { stages } = readPlan(readFileSync(files.plans.tiles, "utf8"));
  return stages.map(
    ({ nodes, tiles }) =>
      `${nodes[0]}${nodes.length > 1 ? ` … ${nodes.at(-1)}` : ""}: ${tiles?.length ?? 1}`,
  );
}

function inMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function table({ network, plannedTiles, rows }: Finding): string {
  const tried = limits.filter((limit) =>
    rows.some(({ trials }) => trials.some(({ limitBytes }) => limitBytes === limit)),
  );
  const head = [
    ...["", "planned", "peak without a limit"],
    ...tried.map((limit) => `${inMegabytes(limit)} MB`),
    "from the whole model's answers",
  ];
  const lines = rows.map(({ way, plannedBytes: planned, free, trials }) => [
    names[way],
    planned === null ? "–" : `${inMegabytes(planned)} MB`,
    `${inMegabytes(free.peakBytes)} MB`,
    ...tried.map((limit) => {
      const outcome = trials.find(({ limitBytes }) => limitBytes === limit)?.outcome;
      if (outcome === undefined) return limit >= free.peakBytes ? "enough" : "";
      if (!outcome.isRight) return outcome.end;
      return `${outcome.seconds?.toFixed(2)} s, peak ${inMegabytes(outcome.peakBytes)} MB`;
    }),
    worst([free, ...trials.map(({ outcome }) => outcome)]),
  ]);
  const text = [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`);
  const stages = `Stages of the plan and their tiles: ${plannedTiles.join("; ")}.`;
  return [`## ${network}`, "", ...text, "", stages, ""].join("\n");
}

function worst(outcomes: readonly Outcome[]): string {
  const known = outcomes.flatMap(({ difference }) => difference ?? []);
  return known.length === 0 ? "–" : Math.max(...known).toExponential(1);
}

function report(): void {
  const command = "npm run bench -- testbed-memory";
  const surroundings = { node: process.version, cpu: cpus()[0]?.model, kernel: release() };
  const page = [
    ...[`    ${command}`, ""],
    "Measured: one device in a control group with a limit of memory and without swap; peaks as the kernel counts them for the group, with what it has of files in memory, which it may give up. Limits are tried from above until one is too small. Two requests each, seconds of the second; they count as answered if they are within 1e-5 of the answers of the whole model, which another process gives without a limit.",
    "",
    ...findings.map(table),
  ].join("\n");
  console.log(page);
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/testbed-memory.md", page);
  const document = { command, ...surroundings, tookSeconds: systemClock.now() - started, findings };
  writeFileSync("bench/results/testbed-memory.json", `${JSON.stringify(document, null, 2)}\n`);
}
