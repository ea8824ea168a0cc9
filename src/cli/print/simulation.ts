/**
 * A simulation as people read it, and as programs do.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type { Evaluation } from "../../plan/evaluate.ts";
import type { Server, Simulation } from "../../sim/pipeline.ts";
import { quantiles } from "../../sim/quantiles.ts";
import type { Terminal } from "../terminal.ts";
import { nameOfBottleneck } from "./plan.ts";
import { formatFacts, formatTable } from "./table.ts";

/** What was simulated, next to what came of it. */
export interface SimulationReport {
  readonly simulation: Simulation;
  /** What the plan claims, of as many requests as are joined. */
  readonly claimed: Evaluation;
  /** How many requests go as one at most, and how many did on average; `null`: each goes alone. */
  readonly joined: { readonly most: number; readonly requestsPerPass: number } | null;
  /** How requests arrived. */
  readonly arrivals: string;
  readonly warmUp: number;
  /** What happened to the world; empty: nothing. */
  readonly events: readonly string[];
}

/** The report as one JSON document. */
export function simulationDocument(report: SimulationReport): object {
  const { simulation, claimed, joined, arrivals, warmUp } = report;
  const { sent, answered, lost, stalled, periodSeconds } = simulation;
  const { p50, p90, p99, max } = latencies(simulation);
  return {
    requests: { sent, answered, lost, stalled },
    arrivals,
    warmUp,
    ...(joined === null ? {} : { joined }),
    latencySeconds: { p50, p90, p99, max },
    periodSeconds,
    throughputPerSecond: rateOf(periodSeconds),
    claimed: {
      latencySeconds: claimed.latencySeconds,
      periodSeconds: claimed.periodSeconds,
      throughputPerSecond: rateOf(periodOfOne(report)),
    },
    measured: { startSeconds: simulation.startSeconds, endSeconds: simulation.endSeconds },
    servers: simulation.servers.map(({ where, share, secondsPerRequest }) => ({
      ...where,
      busyShare: share,
      secondsPerRequest,
    })),
  };
}

/** All sections, joined. */
export function formatSimulation(report: SimulationReport, terminal: Terminal): string {
  const { bold } = terminal.colours;
  const { servers } = report.simulation;
  const devices = servers.filter(({ where }) => "device" in where);
  const links = servers.filter(({ where }) => !("device" in where));
  const sections = [
    `${bold(formatOutcome(report))}\n${formatFacts(figures(report), terminal)}`,
    `${bold("Devices")}\n${formatServers(devices, terminal)}`,
    ...(links.some(isUsed) ? [`${bold("Links")}\n${formatServers(links, terminal)}`] : []),
  ];
  return sections.join("\n\n");
}

function formatOutcome({ simulation }: SimulationReport): string {
  const { sent, answered, endSeconds } = simulation;
  const time = formatQuantity(endSeconds, "s", 4);
  if (sent === 0) return "No request came in.";
  if (answered === 1 && sent === 1) return `The only request was answered within ${time}.`;
  if (answered === sent) return `All ${sent} requests were answered within ${time}.`;
  if (answered === 0) return `None of ${sent} requests was answered.`;
  return `${answered} of ${sent} requests were answered, the last at ${time}.`;
}

function figures(report: SimulationReport): [string, string][] {
  const { simulation, claimed, joined, arrivals, warmUp, events } = report;
  const { lost, stalled } = simulation;
  const missing = [
    ...(lost > 0 ? [`${lost} lost: a device went down with them`] : []),
    ...(stalled > 0 ? [`${stalled} stalled: they wait for a device that is gone`] : []),
  ];
  return [
    ["arrivals", arrivals],
    ...(joined === null ? [] : [["joined", formatJoined(joined)] satisfies [string, string]]),
    ...(events.length > 0 ? ([["world", events.join("\n")]] as [string, string][]) : []),
    ...(missing.length > 0 ? ([["unanswered", missing.join("\n")]] as [string, string][]) : []),
    [
      "latency",
      `${formatLatencies(simulation)} (the plan: ${formatQuantity(claimed.latencySeconds, "s", 4)}, alone and serial)`,
    ],
    ["throughput", formatThroughput(simulation.periodSeconds, periodOfOne(report))],
    ...(warmUp > 0
      ? ([["measured", `behind the first ${warmUp} answers`]] as [string, string][])
      : []),
  ];
}

/** Seconds that a plan claims from one answer to the next, of single requests. */
function periodOfOne({ claimed, joined }: SimulationReport): number {
  return claimed.periodSeconds / (joined?.most ?? 1);
}

function formatJoined({ most, requestsPerPass }: NonNullable<SimulationReport["joined"]>): string {
  return `up to ${most} requests go as one, ${Number(requestsPerPass.toPrecision(3))} on average`;
}

function latencies(simulation: Simulation) {
  const [p50, p90, p99, max] = quantiles(simulation.measured, [0.5, 0.9, 0.99, 1]);
  return { p50, p90, p99, max };
}

function formatLatencies(simulation: Simulation): string {
  const written = Object.entries(latencies(simulation)).map(([name, value]) =>
    value === null || value === undefined ? null : `${name} ${formatQuantity(value, "s", 4)}`,
  );
  return written.includes(null) ? "none measured" : written.join(", ");
}

function formatThroughput(period: number | null, claimed: number): string {
  if (period === null) return "none measured";
  const rate = rateOf(period);
  const most = rateOf(claimed);
  if (rate === null || most === null) return "without bound: nothing takes any time";
  const percent = Number(((100 * rate) / most).toPrecision(3));
  return `${Number(rate.toPrecision(4))} /s, one each ${formatQuantity(period, "s", 4)} (${percent} % of the ${Number(most.toPrecision(4))} /s that the plan claims)`;
}

/** `null`: no time passes between answers. */
function rateOf(period: number | null): number | null {
  return period === null || period === 0 ? null : 1 / period;
}

function isUsed({ secondsPerRequest }: Server): boolean {
  return secondsPerRequest > 0;
}

function formatServers(servers: readonly Server[], terminal: Terminal): string {
  const rows = servers
    .filter(isUsed)
    .map(({ where, share, secondsPerRequest }) => [
      nameOfServer(where),
      `${(100 * share).toFixed(1)} %`,
      barOf(share),
      formatQuantity(secondsPerRequest, "s"),
    ]);
  const idle = servers.filter((server) => !isUsed(server)).map(({ where }) => nameOfServer(where));
  const rest =
    idle.length === 0 ? "" : `\n  ${terminal.colours.dim(`not used: ${idle.join(", ")}`)}`;
  if (rows.length === 0) return rest.slice(1);
  const columns = [
    { head: "name" },
    { head: "busy", align: "right" },
    { head: "" },
    { head: "work a request", align: "right" },
  ] as const;
  return formatTable(columns, rows, terminal) + rest;
}

/** The name alone: the table says what it is. */
export function nameOfServer(where: Server["where"]): string {
  return nameOfBottleneck(where).replace(/^(device|link) /, "");
}

/** A part of 1 in twenty cells. */
export function barOf(share: number): string {
  const cells = Math.round(20 * Math.min(1, share));
  return "█".repeat(cells) + "·".repeat(20 - cells);
}
