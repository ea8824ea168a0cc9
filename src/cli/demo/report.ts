/**
 * What the demo prints, section by section.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import { formatPercent } from "../print/percent.ts";
import { nameOfBottleneck } from "../print/plan.ts";
import { formatTable } from "../print/table.ts";
import type { Terminal } from "../terminal.ts";
import type { Answer } from "./questions.ts";
import type { Streamed } from "./stream.ts";

/** A measured figure further than this from its prediction gets a warning. */
const tolerance = 0.25;

export function printTopology(topology: Topology, terminal: Terminal): void {
  const devices = topology.devices.map(({ name, tier, speed, memoryBytes }) => [
    name,
    tier,
    `${speed} x this machine`,
    memoryBytes === null ? "unlimited" : formatQuantity(memoryBytes, "B"),
  ]);
  const heads = [{ head: "device" }, { head: "tier" }, { head: "speed" }, { head: "memory" }];
  terminal.line(formatTable(heads, devices, terminal));
  const links = topology.links.map(({ from, to, bandwidthBitsPerSecond, latencySeconds }) => [
    `${from} → ${to}`,
    formatQuantity(bandwidthBitsPerSecond, "bit/s"),
    formatQuantity(latencySeconds, "s"),
  ]);
  const linkHeads = [{ head: "link" }, { head: "bandwidth" }, { head: "latency" }];
  terminal.line(`\n${formatTable(linkHeads, links, terminal)}\n`);
}

/** The question, every device alone, the plan, and what that means. */
export function printAnswer(answer: Answer, terminal: Terminal): void {
  const { question, plan } = answer;
  const { bold } = terminal.colours;
  const isRate = question.objective.type === "throughput";
  const value = isRate ? plan.claimed.periodSeconds : plan.claimed.latencySeconds;
  const figures = (seconds: number): string[] => {
    const ratio = `${(seconds / value).toFixed(2)} x`;
    if (!isRate) return [formatQuantity(seconds, "s"), ratio];
    return [`${formatRate(1 / seconds)}`, `${formatQuantity(seconds, "s")}`, ratio];
  };
  const devices = Object.keys(plan.claimed.memoryBytes);
  const rows = devices.map((device) => {
    const alone = plan.alternatives[device];
    return alone === undefined
      ? [`${device} alone`, "not allowed", "", ""].slice(0, isRate ? 4 : 3)
      : [`${device} alone`, ...figures(alone)];
  });
  rows.push([bold("the plan"), ...figures(value)]);
  const heads = isRate ? ["", "throughput", "period", "÷ plan"] : ["", "latency", "÷ plan"];
  const columns = heads.map((head, position) => ({
    head,
    align: position === 0 ? ("left" as const) : ("right" as const),
  }));
  terminal.line(`${bold(`(${question.letter}) ${question.text}`)}\n`);
  terminal.line(formatTable(columns, rows, terminal));
  terminal.line(`\n  ${verdict(answer)}`);
  terminal.line(`  ${proof(plan)}\n`);
}

function verdict({ plan, alone, gain, splits }: Answer): string {
  if (!splits) {
    return `Do not split: everything on '${plan.stages[0]?.devices[0]}' is the answer.`;
  }
  const stages = plan.stages
    .map(({ devices, nodes }) => `${devices.join()} ${nodes.length} nodes`)
    .join(" → ");
  const won =
    alone === null || gain === null
      ? "no device may do it alone"
      : `${gain.toFixed(2)} x the ${alone.device} alone, the best single device`;
  return `Split: ${stages}; ${won}. Busiest: ${nameOfBottleneck(plan.bottleneck)}.`;
}

function proof({ guarantee, gap, decisionSeconds }: Plan): string {
  const decided = `decided in ${formatQuantity(decisionSeconds, "s")}`;
  if (guarantee === "optimal") return `Proven: no allowed placement is better (${decided}).`;
  if (gap === null) return `Nothing is proven about how good that is (${decided}).`;
  return `Proven: at most ${formatPercent(gap)} worse than the best placement (${decided}).`;
}

/** Predictions against what was seen, and whether every bit was right. */
export function printStreamed(
  { plan }: Answer,
  streamed: Streamed,
  requests: number,
  terminal: Terminal,
): void {
  const { bold, green, red } = terminal.colours;
  const pairs = comparisons(plan, streamed);
  const columns = [
    { head: "(emulated)" },
    { head: "predicted", align: "right" },
    { head: "measured", align: "right" },
    { head: "difference", align: "right" },
  ] as const;
  const rows = pairs.map(({ name, predicted, measured, write }) => [
    name,
    write(predicted),
    measured === null ? "too few requests" : write(measured),
    measured === null ? "" : percent(measured / predicted - 1),
  ]);
  terminal.line(`\n${formatTable(columns, rows, terminal)}`);
  const perfect = streamed.bitEqual === requests;
  const word = perfect ? green("yes") : red("no");
  terminal.line(`  ${bold(`bit-equal: ${word} (${streamed.bitEqual}/${requests})`)}\n`);
  const figures = pairs.flatMap(({ name, predicted, measured, write }) =>
    measured === null || Math.abs(measured / predicted - 1) <= tolerance
      ? []
      : [`${name} ${write(measured)} instead of ${write(predicted)}`],
  );
  if (figures.length === 0) return;
  terminal.note(
    `warning: measured ${figures.join(", ")}: more than ${tolerance * 100} % off; is something else using this machine?`,
  );
}

interface Comparison {
  readonly name: string;
  readonly predicted: number;
  readonly measured: number | null;
  readonly write: (value: number) => string;
}

function comparisons({ claimed }: Plan, streamed: Streamed): Comparison[] {
  return [
    {
      name: "latency of one request",
      predicted: claimed.latencySeconds,
      measured: streamed.latencySeconds,
      write: (value) => formatQuantity(value, "s"),
    },
    {
      name: "throughput",
      predicted: claimed.throughputPerSecond,
      measured: streamed.periodSeconds === null ? null : 1 / streamed.periodSeconds,
      write: formatRate,
    },
  ];
}

function formatRate(perSecond: number): string {
  return `${Number(perSecond.toPrecision(3))} /s`;
}

function percent(fraction: number): string {
  return `${fraction >= 0 ? "+" : "−"}${Math.abs(fraction * 100).toFixed(0)} %`;
}
