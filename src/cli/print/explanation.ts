import { formatQuantity } from "../../base/units.ts";
import type {
  Alternative,
  DeviceExplanation,
  Explanation,
  Figure,
  Threshold,
} from "../../plan/explanation.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import type { Terminal } from "../terminal.ts";
import { formatGuarantee, nameOfBottleneck } from "./plan.ts";
import { formatTable } from "./table.ts";

/** Writes an explanation in sentences and one table. */
export function formatExplanation(
  explanation: Explanation,
  plan: Plan,
  problem: Problem,
  terminal: Terminal,
): string {
  const { bold } = terminal.colours;
  const unit = plan.objective === "energy" ? "J" : "s";
  const value = formatQuantity(explanation.value, unit, 4);
  const figure = plan.objective === "throughput" ? "one answer each" : plan.objective;
  const sections = [
    `${bold(`${figure} ${value}: ${formatGuarantee(plan)}`)}\n  busiest: ${nameOfBottleneck(plan.bottleneck)}`,
    `${bold("Devices")}\n${explanation.devices.map((device) => `  ${describeDevice(device, unit)}`).join("\n")}`,
    `${bold("What would change the plan")}\n${doubt(plan)}${describeSensitivities(explanation, problem, terminal)}`,
    ...portability(plan),
  ];
  return sections.join("\n\n");
}

function describeDevice(
  { device, isUsed, nodes, computeSeconds, opposite }: DeviceExplanation,
  unit: "s" | "J",
): string {
  if (isUsed) {
    const work = `${device} runs ${nodes} nodes in ${formatQuantity(computeSeconds, "s")}`;
    return `${work}; ${consequence("without it", opposite, unit)}`;
  }
  return `${device} is left out; ${consequence("if it ran a node", opposite, unit)}`;
}

function consequence(condition: string, opposite: Alternative, unit: "s" | "J"): string {
  if (opposite.type === "none") return `${condition} there is no plan: ${opposite.reason}`;
  if (opposite.type === "unknown") return `${condition}: not known (${opposite.reason})`;
  const { value, ratio, devicesUsed, isOptimal } = opposite;
  const least = isOptimal ? "" : " at most";
  const figure = `${formatQuantity(value, unit, 4)} (${ratio.toFixed(2)} x)`;
  return `${condition} the best is${least} ${figure}, on ${devicesUsed.join(", ")}`;
}

function doubt({ guarantee }: Plan): string {
  if (guarantee === "optimal") return "";
  return "  Nothing proves that this plan is the best as things are: where a better one is known, it changes at once (1 x).\n";
}

function describeSensitivities(
  { sensitivities }: Explanation,
  problem: Problem,
  terminal: Terminal,
): string {
  const rows = sensitivities.map(({ figure, down, up }) => {
    const now = valueNow(figure, problem);
    const write = (threshold: Threshold): string => describeThreshold(threshold, now, figure);
    return [nameOf(figure), formatNow(now, figure), write(down), write(up)];
  });
  const columns = [
    { head: "figure" },
    { head: "now", align: "right" },
    { head: "changes below" },
    { head: "changes above" },
  ] as const;
  const reasons = sensitivities
    .flatMap(({ down, up }) => [down, up])
    .flatMap((threshold) => (threshold.type === "unknown" ? [threshold.reason] : []));
  const why = [...new Set(reasons)].map((reason) => `\n  not known: ${reason}`);
  return formatTable(columns, rows, terminal) + why.join("");
}

function nameOf(figure: Figure): string {
  return figure.type === "speed"
    ? `speed of ${figure.device}`
    : `bandwidth ${figure.from} → ${figure.to}`;
}

function valueNow(figure: Figure, { topology }: Problem): number {
  if (figure.type === "speed") {
    return topology.devices.find(({ name }) => name === figure.device)?.speed ?? Number.NaN;
  }
  const link = topology.links.find(({ from, to }) => from === figure.from && to === figure.to);
  return link?.bandwidthBitsPerSecond ?? Number.NaN;
}

function formatNow(value: number, figure: Figure): string {
  return figure.type === "speed"
    ? `${Number(value.toPrecision(3))}`
    : formatQuantity(value, "bit/s");
}

function describeThreshold(threshold: Threshold, now: number, figure: Figure): string {
  if (threshold.type === "never") return "–";
  if (threshold.type === "unknown") return "not known";
  const { factor, devicesUsed, movedNodes, recutNodes = 0 } = threshold;
  const moved = movedNodes === 1 ? "1 node moves" : `${movedNodes} nodes move`;
  const recut = recutNodes === 1 ? "1 node is cut" : `${recutNodes} nodes are cut`;
  const what = [
    ...(movedNodes > 0 || recutNodes === 0 ? [`${moved}, to ${devicesUsed.join(", ")}`] : []),
    ...(recutNodes > 0 ? [`${recut} into other tiles`] : []),
  ];
  return `${formatNow(now * factor, figure)} (${factor.toPrecision(3)} x): ${what.join("; ")}`;
}

/** What the level of optimisation costs. */
function portability({ level }: Plan): string[] {
  switch (level) {
    case undefined:
      return [];
    case "basic":
      return [
        "Level basic: parts of standard operators for any runtime; extended fuses more, all adds layouts of one processor.",
      ];
    case "extended":
      return [
        "Level extended: portable between processors, for ONNX Runtime; on x86 machines with AVX-512, level all may be 1.1 to 1.7 times as fast.",
      ];
    case "all":
      return ["Level all: fastest, but only for x86 machines like the one that was measured."];
    default:
      return [level satisfies never];
  }
}
