import { formatQuantity } from "../../base/units.ts";
import type { Trace, TraceChange } from "../../cost/trace.ts";
import type { Placement, Problem } from "../../plan/problem.ts";
import {
  type Simulation,
  type SimulationOptions,
  type Span,
  simulate,
} from "../../sim/pipeline.ts";
import { nameOfServer } from "../print/simulation.ts";
import type { GanttData } from "./gantt.ts";

/** So many requests are drawn unless a window is asked for. */
const firstRequests = 8;

/** More bars than this cannot be told apart, and make a file that no viewer opens gladly. */
export const mostSpans = 5000;

/** From the beginning until the first few requests are answered. */
export function firstWindow(
  problem: Problem,
  placement: Placement,
  options: SimulationOptions,
): readonly [number, number] {
  let last = 0;
  const found = simulate(problem, placement, {
    ...options,
    requests: Math.min(options.requests, firstRequests),
    warmUp: 0,
    onSpan: ({ endSeconds }) => {
      last = endSeconds;
    },
  });
  const answered = found.type === "simulated" ? found.answeredAtSeconds.at(-1) : undefined;
  const isWhole = found.type === "simulated" && found.answered === found.sent;
  // Where nothing is answered or nothing takes time there is still something to look at.
  return [0, (isWhole ? answered : last) || 1e-6];
}

/** What a chart needs of a simulation whose spans were kept. */
export function ganttDataOf(
  problem: Problem,
  simulation: Simulation,
  spans: readonly Span[],
  windowSeconds: readonly [number, number],
  { trace, losses = [] }: SimulationOptions,
): GanttData {
  const used = simulation.servers.flatMap(({ where, secondsPerRequest }, server) =>
    secondsPerRequest > 0 ? [[server, nameOfServer(where)] as const] : [],
  );
  const [from, to] = windowSeconds;
  const answers = Array.from(simulation.answeredAtSeconds, (seconds, request) => ({
    request,
    seconds,
  })).filter(({ seconds }) => seconds >= from && seconds <= to);
  return {
    title: `${problem.profile.graph.name}: what devices and links do from ${formatQuantity(from, "s")} to ${formatQuantity(to, "s")}`,
    rows: new Map(used),
    spans,
    answers,
    windowSeconds,
    marks: [
      ...losses.map(({ device, seconds }) => ({
        seconds,
        text: `${problem.devices[device]?.name} is lost`,
      })),
      ...changesOf(problem, trace),
    ],
  };
}

/** One mark for all that changes at a time. */
function changesOf(problem: Problem, trace: Trace | undefined): GanttData["marks"] {
  const byTime = new Map<number, TraceChange[]>();
  for (const change of trace?.changes ?? []) {
    byTime.set(change.seconds, [...(byTime.get(change.seconds) ?? []), change]);
  }
  return [...byTime].map(([seconds, changes]) => {
    const [only] = changes;
    const isOne = changes.length === 1 && only !== undefined;
    return { seconds, text: isOne ? describe(only, problem) : `${changes.length} changes` };
  });
}

function describe(change: TraceChange, { devices, topology }: Problem): string {
  if ("device" in change) return `${devices[change.device]?.name} × ${change.slowDown}`;
  const link = topology.links[change.link];
  return `${link?.from} → ${link?.to}: ${formatQuantity(change.bandwidthBitsPerSecond, "bit/s")}`;
}
