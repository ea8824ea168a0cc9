/**
 * A plan as people read it: what runs where, what it costs, and what not splitting would give.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import { extentsOf } from "../../graph/tile.ts";
import { type Objective, objectiveValue } from "../../plan/objective.ts";
import type { Plan, PlannedTile, Stage, Transfer } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import type { Terminal } from "../terminal.ts";
import { formatPercent } from "./percent.ts";
import { shorten } from "./shorten.ts";
import { formatFacts, formatTable } from "./table.ts";

/** Hops beyond this many are summed up. */
const mostTransfers = 20;

/**
 * All sections of a plan's table, joined.
 *
 * @param chosenBecause why this planner
 */
export function formatPlan(
  plan: Plan,
  problem: Problem,
  chosenBecause: string,
  terminal: Terminal,
): string {
  const { bold } = terminal.colours;
  const sections = [
    `${bold(formatVerdict(plan))}\n${formatFacts(figures(plan, problem, chosenBecause), terminal)}`,
    `${bold("Stages")}\n${stages(plan, problem, terminal)}`,
    ...(plan.transfers.length === 0
      ? []
      : [`${bold("Transfers")}\n${transfers(plan, problem, terminal)}`]),
    `${bold("Everything on one device")}\n${alternatives(plan, problem, terminal)}`,
  ];
  return sections.join("\n\n");
}

/** What to do, in a sentence. */
export function formatVerdict(plan: Plan): string {
  const devices = devicesOf(plan);
  const [only] = devices;
  if (devices.length === 1) {
    const advice = plan.guarantee === "optimal" ? "Do not split: everything" : "Everything";
    return `${advice} on '${only}' is ${formatGuarantee(plan)} for ${plan.objective}.`;
  }
  return `Split over ${devices.join(", ")}: ${formatGuarantee(plan)} for ${plan.objective}.`;
}

function devicesOf(plan: Plan): string[] {
  return [...new Set(plan.stages.flatMap(({ devices }) => devices))];
}

/** How good a plan is proven to be. */
export function formatGuarantee(plan: Plan): string {
  switch (plan.guarantee) {
    case "optimal":
      return "the best of all placements";
    case "optimal-in-class":
      return `the best of its class (${plan.class})`;
    case "bounded":
      return "the best found";
    case "heuristic":
      return "what a heuristic found";
    default:
      return plan.guarantee satisfies never;
  }
}

function figures(plan: Plan, problem: Problem, chosenBecause: string): [string, string][] {
  const { latencySeconds, periodSeconds, throughputPerSecond } = plan.claimed;
  const value = objectiveValue(problem.objective, plan.claimed);
  const { most } = plan.batch ?? { most: 1 };
  return [
    ["latency", formatQuantity(latencySeconds, "s", 4)],
    [
      "throughput",
      `${Number(throughputPerSecond.toPrecision(4))} /s (${most === 1 ? "one" : most} each ${formatQuantity(periodSeconds, "s", 4)}; busiest: ${nameOfBottleneck(plan.bottleneck)})`,
    ],
    ...energy(plan, problem),
    ["memory", memory(plan, problem)],
    ["input", inputs(problem)],
    ["proof", proof(plan, value, unitOf(problem.objective))],
    ["planner", `${plan.planner} (${chosenBecause}), ${decided(plan)}`],
    ...(plan.method === undefined ? [] : ([["found by", plan.method]] as [string, string][])),
    ...limits(plan),
    ...scaled(problem),
  ];
}

function decided({ stopped, decisionSeconds }: Plan): string {
  const time = formatQuantity(decisionSeconds, "s");
  if (stopped !== true) return `decided in ${time}`;
  return `stopped after ${time}: the best found so far; more --time-limit may find a better one, or prove this one`;
}

function unitOf(objective: Objective): "s" | "J" {
  return objective.type === "energy" ? "J" : "s";
}

/** A device, link or medium in a word. */
export function nameOfBottleneck(bottleneck: Plan["bottleneck"]): string {
  if ("device" in bottleneck) return `device ${bottleneck.device}`;
  if ("medium" in bottleneck) return `medium ${bottleneck.medium}`;
  return `link ${bottleneck.link.join(" → ")}`;
}

function energy(plan: Plan, { topology }: Problem): [string, string][] {
  const stated =
    topology.devices.some(({ busyWatts }) => busyWatts > 0) ||
    topology.links.some(({ energyJoulesPerBit }) => energyJoulesPerBit > 0);
  if (!stated) return [];
  return [["energy", `${formatQuantity(plan.claimed.energyJoules, "J", 4)} (modelled)`]];
}

function memory(plan: Plan, { devices }: Problem): string {
  const used = devices.filter(({ name }) => (plan.claimed.memoryBytes[name] ?? 0) > 0);
  return used
    .map(({ name, memoryBytes }) => {
      const needs = formatQuantity(plan.claimed.memoryBytes[name] ?? 0, "B");
      return `${name} ${needs}${memoryBytes === null ? "" : ` of ${formatQuantity(memoryBytes, "B")}`}`;
    })
    .join(", ");
}

/** The width of the raw input decides many plans, so that it is always stated. */
function inputs({ profile, linkBytes, index }: Problem): string {
  return profile.graph.inputs
    .map((name) => {
      const position = index.tensorByName.get(name) as number;
      const tensor = profile.graph.tensors[position];
      const onLink = linkBytes[position] as number;
      const shape = `${tensor?.dataType} [${tensor?.shape.join(", ")}]`;
      const whole = formatQuantity(tensor?.bytes ?? 0, "B");
      return onLink === tensor?.bytes
        ? `${name}: ${shape}, ${whole} on a link`
        : `${name}: ${shape}, ${formatQuantity(onLink, "B")} on a link (inputBytes of the topology; ${whole} in memory, decoding counted as free)`;
    })
    .join("\n");
}

function proof(plan: Plan, value: number, unit: "s" | "J"): string {
  if (plan.bound === null || plan.gap === null)
    return "none: no bound is known, a better placement may exist";
  if (plan.gap === 0) return `no placement is below ${formatQuantity(value, unit, 4)} (gap 0)`;
  return `no placement is below ${formatQuantity(plan.bound, unit, 4)}: the best is at most ${formatPercent(plan.gap)} below this one (gap)`;
}

function limits(plan: Plan): [string, string][] {
  const { latencySeconds, periodSeconds, energyJoules, memoryBytes, keepLocal, tiles } =
    plan.limits;
  const written = [
    ...(latencySeconds === undefined ? [] : [`latency ≤ ${formatQuantity(latencySeconds, "s")}`]),
    ...(periodSeconds === undefined ? [] : [`period ≤ ${formatQuantity(periodSeconds, "s")}`]),
    ...(energyJoules === undefined ? [] : [`energy ≤ ${formatQuantity(energyJoules, "J")}`]),
    ...(memoryBytes === undefined ? [] : [`memory ≤ ${formatQuantity(memoryBytes, "B")} a device`]),
    ...(keepLocal === undefined ? [] : [describeKept(keepLocal)]),
    ...(tiles === true ? ["several devices may run a stage together"] : []),
  ];
  return written.length === 0 ? [] : [["limits", written.join(", ")]];
}

function describeKept(keepLocal: string | number): string {
  if (typeof keepLocal === "number") return `the first ${keepLocal} nodes stay on the source`;
  return `everything that '${keepLocal}' is made from stays on the source`;
}

function scaled({ devices, profile }: Problem): [string, string][] {
  const names = Object.keys(profile.devices);
  const written = devices
    .filter(({ speed, profile: kind }) => speed !== 1 && kind !== "none")
    .map((device) => `${device.name}: ${device.speed} x ${device.profile ?? names[0]}`);
  return written.length === 0 ? [] : [["speeds", `scaled from a profile: ${written.join(", ")}`]];
}

/** What runs where, of a plan alone. */
export function formatStages(plan: Plan, terminal: Terminal): string {
  return formatTable(stageColumns, plan.stages.map(stageRow), terminal);
}

const stageColumns = [
  { head: "stage" },
  { head: "device" },
  { head: "nodes" },
  { head: "count", align: "right" },
  { head: "compute", align: "right" },
] as const;

function stageRow({ nodes, seconds, ...stage }: Stage): (string | number)[] {
  return [
    stage.id,
    describeDevices(stage),
    rangeOf(nodes),
    nodes.length,
    formatQuantity(seconds, "s"),
  ];
}

/** Members of a stage with the rows that they make. */
export function describeDevices({ devices, tiles }: Pick<Stage, "devices" | "tiles">): string {
  if (tiles === undefined) return devices.join(", ");
  return tiles.map((tile) => `${tile.device} (${describeRegion(tile)})`).join(", ");
}

/** From the first to the last of them, from 0; plans have the row behind the last. */
export function describeRegion({ rows, columns }: Pick<PlannedTile, "rows" | "columns">): string {
  const own = spanBetween("row", rows);
  return columns === undefined ? own : `${own}, ${spanBetween("column", columns)}`;
}

function spanBetween(what: string, [from, end]: readonly [number, number]): string {
  return end - from === 1 ? `${what} ${from}` : `${what}s ${from}–${end - 1}`;
}

export function rangeOf(nodes: readonly string[]): string {
  const [first = "", last = ""] = [nodes[0], nodes.at(-1)];
  return first === last ? shorten(first) : `${shorten(first)} … ${shorten(last)}`;
}

function stages(plan: Plan, problem: Problem, terminal: Terminal): string {
  const rows = plan.stages.map((stage) => {
    const parameters = stage.nodes.reduce((total, name) => {
      const position = problem.index.nodeByName.get(name) as number;
      return total + (problem.profile.graph.nodes[position]?.parameterBytes ?? 0);
    }, 0);
    return [...stageRow(stage), formatQuantity(parameters, "B")];
  });
  const columns = [...stageColumns, { head: "parameters", align: "right" }] as const;
  return formatTable(columns, rows, terminal);
}

/** With codecs the bytes on the link and, in brackets, those that the tensor has. */
function transfers(plan: Plan, problem: Problem, terminal: Terminal): string {
  const isCoded = plan.transfers.some(({ codec }) => codec !== undefined);
  const rows = plan.transfers.slice(0, mostTransfers).map((hop) => {
    const position = problem.index.tensorByName.get(hop.tensor) as number;
    const tensor = problem.profile.graph.tensors[position];
    return [
      shorten(hop.tensor),
      `${hop.from} → ${hop.to}`,
      formatQuantity(hop.bytes, "B"),
      ...(isCoded ? [describeCodec(hop, problem, position)] : []),
      formatQuantity(hop.seconds, "s"),
      `${describeSent(hop)}${tensor?.dataType} [${tensor?.shape.join(", ")}]`,
    ];
  });
  const columns = [
    { head: "tensor" },
    { head: "link" },
    { head: "bytes", align: "right" },
    ...(isCoded ? [{ head: "codec" }] : []),
    { head: "time", align: "right" },
    { head: "type" },
  ] as const;
  const more = plan.transfers.length - rows.length;
  const rest = more > 0 ? `\n  … and ${more} more (all with --json)` : "";
  return formatTable(columns, rows, terminal) + rest;
}

function describeCodec(
  { codec, rows, columns }: Transfer,
  problem: Problem,
  tensor: number,
): string {
  if (codec === undefined) return "none";
  const whole = problem.linkBytes[tensor] as number;
  const share = [rows, columns].reduce((product, span, axis) => {
    const extent = extentsOf(problem.index, tensor)[axis] as number;
    return span === undefined ? product : product * ((span[1] - span[0]) / extent);
  }, 1);
  return `${codec} (of ${formatQuantity(whole * share, "B")})`;
}

export function describeSent({ rows, columns }: Transfer): string {
  if (rows === undefined) return "";
  return `${describeRegion({ rows, ...(columns === undefined ? {} : { columns }) })} of `;
}

/** The plan against every device alone, and against the better side as the field compares. */
function alternatives(plan: Plan, problem: Problem, terminal: Terminal): string {
  const { objective, topology } = problem;
  const unit = unitOf(objective);
  const best = objectiveValue(objective, plan.claimed);
  const factor = (value: number): string => `${(value / best).toFixed(2)} x`;
  const rows = problem.devices.map(({ name }) => {
    const value = plan.alternatives[name];
    if (value === undefined) return [name, "not allowed", ""];
    return [name, formatQuantity(value, unit, 4), factor(value)];
  });
  const source = plan.alternatives[topology.source];
  const others = Object.values(plan.alternatives);
  const server = Object.entries(plan.alternatives)
    .filter(([name]) => name !== topology.source)
    .map(([, value]) => value);
  if (others.length > 0) {
    const least = Math.min(source ?? Number.POSITIVE_INFINITY, ...server);
    rows.push(["min(device-only, server-only)", formatQuantity(least, unit, 4), factor(least)]);
  }
  rows.push(["this plan", formatQuantity(best, unit, 4), factor(best)]);
  const head = objective.type === "throughput" ? "period" : plan.objective;
  const columns = [
    { head: "device" },
    { head, align: "right" },
    { head: "against the plan", align: "right" },
  ] as const;
  return formatTable(columns, rows, terminal);
}
