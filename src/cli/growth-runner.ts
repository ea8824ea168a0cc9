/**
 * Measures growth: each cell in a process of its own, so that its memory is its own and it can be
 * ended when it does not end itself.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { text as readAll } from "node:stream/consumers";
import { systemClock } from "../base/clock.node.ts";
import { type GrowthCell, type ProcessMemory, runGrowthCell } from "../compare/growth.ts";
import type { GrowthFailure } from "../compare/growth-report.ts";
import { runSimulationCell, type SimulationCell } from "../compare/growth-simulation.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";

type Cell = GrowthCell | SimulationCell;

/** A planner is asked to stop; one that does not hear is ended after so many times its limit, and a bit. */
const patience = { factor: 3, extraSeconds: 15 };
/** The simulator is not asked to stop. */
const simulationSeconds = 120;

/** What a cell gave, or why it gave nothing. */
export type Measured<C extends Cell, R> = C & (R | GrowthFailure);

/**
 * Runs cells one after the other.
 *
 * @param onCell is told before each
 */
export async function measureCells<C extends Cell, R>(
  cells: readonly C[],
  signal: AbortSignal,
  onCell: (cell: C, position: number) => void,
): Promise<Measured<C, R>[]> {
  const rows: Measured<C, R>[] = [];
  for (const [position, cell] of cells.entries()) {
    signal.throwIfAborted();
    onCell(cell, position);
    rows.push({ ...cell, ...(await measure<R>(cell, signal)) });
  }
  return rows;
}

/** Runs one cell in this process. */
export async function runCell(cell: Cell): Promise<unknown> {
  const host = { clock: systemClock, memory: processMemory };
  if (cell.type === "simulator") return runSimulationCell(cell, host);
  return runGrowthCell(cell, { ...host, solver: await loadHighsSolver() });
}

async function measure<R>(cell: Cell, signal: AbortSignal): Promise<R | GrowthFailure> {
  const script = createRequire(import.meta.url).resolve("#cli");
  const seconds =
    cell.type === "simulator"
      ? simulationSeconds
      : patience.factor * cell.limitSeconds + patience.extraSeconds;
  const child = spawn(process.execPath, [script, "bench", "cell", JSON.stringify(cell), "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: seconds * 1000,
    killSignal: "SIGKILL",
    signal,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [output, errors, code] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    ended,
  ]);
  if (code === 0) return JSON.parse(output) as R;
  return child.signalCode === "SIGKILL"
    ? { end: "late", reason: `no answer within ${seconds} s` }
    : { end: "failed", reason: errors.trim().split("\n").at(-1) ?? "" };
}

/** Linux counts the peak of a process from its start; elsewhere it may include its parent's size. */
function processMemory(): ProcessMemory {
  const now = process.memoryUsage.rss();
  return { now, peak: Math.max(now, linuxPeak() ?? process.resourceUsage().maxRSS * 1024) };
}

function linuxPeak(): number | null {
  if (process.platform !== "linux") return null;
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return found === null ? null : Number(found[1]) * 1024;
}
