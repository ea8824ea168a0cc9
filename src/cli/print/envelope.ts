/**
 * An envelope as people read it: which placements there are, and where the decision changes.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import { createDecider, findReigns, rangeOf } from "../../plan/envelope/decision.ts";
import type { Envelope, EnvelopeParameter, EnvelopePlacement } from "../../plan/envelope/file.ts";
import { additiveFactors } from "../../plan/objective.ts";
import type { Problem } from "../../plan/problem.ts";
import { findHops } from "../../plan/transfers.ts";
import type { Terminal } from "../terminal.ts";
import { formatPercent } from "./percent.ts";
import { shorten } from "./shorten.ts";
import { formatFacts, formatTable } from "./table.ts";

/** Placements beyond this many are left out, those that cost most as stated. */
const mostPlacements = 16;

/** @param seconds that it took to find */
export function formatEnvelope(
  envelope: Envelope,
  problem: Problem,
  seconds: number,
  terminal: Terminal,
): string {
  const { bold, dim } = terminal.colours;
  const values = statedValues(envelope);
  const facts: [string, string][] = [
    ["proof", formatExcess(envelope.excess)],
    [
      "found in",
      `${formatQuantity(seconds, "s")}, ${envelope.solves} minimum ${envelope.solves === 1 ? "cut" : "cuts"}`,
    ],
    ...envelope.parameters.map((parameter): [string, string] => {
      const [least, most] = rangeOf(parameter).map((end) => formatValue(parameter, end));
      return [nameOfParameter(parameter), `${least} to ${most}`];
    }),
  ];
  return [
    `${bold(`${formatVerdict(envelope)}, for ${envelope.objective}.`)}\n${formatFacts(facts, terminal)}`,
    `${bold("Placements")}\n${placements(envelope, problem, values, terminal)}`,
    ...envelope.parameters.map((parameter, position) => {
      const held = envelope.parameters.length > 1 ? dim("  (the others as stated)") : "";
      const title = `${bold(`By ${nameOfParameter(parameter)}`)}${held}`;
      return `${title}\n${reigns(envelope, position, values, terminal)}`;
    }),
  ].join("\n\n");
}

/** What the topology states, or the nearest that the box holds. */
export function statedValues({ parameters }: Envelope): number[] {
  return parameters.map((parameter) => {
    const [least, most] = rangeOf(parameter);
    const stated = parameter.type === "bandwidth" ? parameter.nominalBitsPerSecond : 1;
    return Math.min(most, Math.max(least, stated));
  });
}

/** `bandwidth camera – gateway`, `slow-down of cloud`. */
export function nameOfParameter(parameter: EnvelopeParameter): string {
  if (parameter.type === "slow-down") return `slow-down of ${parameter.device}`;
  const [from, to] = parameter.links[0] as readonly [string, string];
  const isBoth = parameter.links.some(([start, end]) => start === to && end === from);
  return `bandwidth ${from} ${isBoth ? "–" : "→"} ${to}`;
}

/** Without a full proof no placement is known to be the best anywhere. */
function formatVerdict({ placements, excess }: Envelope): string {
  const [only, ...others] = placements.map((placement) => placement.devices);
  const isOne = others.length === 0 && only !== undefined;
  if (excess > 0) return isOne ? "One placement found" : `${placements.length} placements found`;
  return isOne
    ? "One placement is the best whatever changes"
    : `${placements.length} placements, each the best in some states`;
}

function formatExcess(excess: number): string {
  if (excess === 0) return "nowhere in the box is any placement better";
  return `nowhere in the box is any placement better by more than ${formatPercent(excess)}`;
}

function formatValue(parameter: EnvelopeParameter, value: number): string {
  if (parameter.type === "bandwidth") return formatQuantity(value, "bit/s");
  return String(Number(value.toPrecision(3)));
}

function placements(
  envelope: Envelope,
  problem: Problem,
  values: readonly number[],
  terminal: Terminal,
): string {
  const { decide, costOf } = createDecider(envelope);
  const unit = additiveFactors(problem.objective)?.latency === 0 ? "J" : "s";
  const chosen = decide(values);
  const costs = envelope.placements.map((_, position) => costOf(position, values));
  const limit = [...costs].sort((a, b) => a - b)[mostPlacements - 1] ?? Number.POSITIVE_INFINITY;
  const rows = envelope.placements.flatMap((placement, position) => {
    const cost = costs[position] as number;
    if (cost > limit) return [];
    const row = [
      `${position + 1}`,
      summariseDevices(envelope, placement),
      summariseHops(placement, problem),
      formatQuantity(cost, unit, 4),
      position === chosen ? "best" : "",
    ];
    return [row];
  });
  const columns = [
    { head: "", align: "right" },
    { head: "nodes" },
    { head: "sent" },
    { head: "as stated", align: "right" },
    { head: "" },
  ] as const;
  const left = costs.length - rows.length;
  const more =
    left === 0 ? "" : `\n  and ${left} that cost more as stated; --json shows all of them`;
  return `${formatTable(columns, rows, terminal)}${more}`;
}

/** `camera 12, cloud 53 (zstd)`. */
export function summarisePlacement(
  envelope: Pick<Envelope, "devices">,
  placement: EnvelopePlacement,
): string {
  const codecs = [...new Set(placement.codecs.map(({ codec }) => codec))].sort();
  const coded = codecs.length === 0 ? "" : ` (${codecs.join(", ")})`;
  return `${summariseDevices(envelope, placement)}${coded}`;
}

/** `camera 12, cloud 53`. */
function summariseDevices(
  { devices }: Pick<Envelope, "devices">,
  placement: EnvelopePlacement,
): string {
  return devices
    .map((name, device) => {
      const nodes = placement.devices.filter((own) => own === device).length;
      return nodes === 0 ? "" : `${name} ${nodes}`;
    })
    .filter((part) => part !== "")
    .join(", ");
}

/** For each link what crosses it, without codecs: `camera → cloud 147 kB (relu3)`. */
function summariseHops({ devices, codecs }: EnvelopePlacement, problem: Problem): string {
  const hops = findHops(problem, devices);
  if ("to" in hops || hops.length === 0) return "–";
  const links = [...new Set(hops.map(({ link }) => link))].sort((a, b) => a - b);
  return links
    .map((link) => {
      const { from = "", to = "" } = problem.topology.links[link] ?? {};
      const tensors = hops.filter((hop) => hop.link === link).map(({ tensor }) => tensor);
      const [only = 0, ...others] = tensors;
      const bytes = tensors.reduce((sum, tensor) => sum + (problem.linkBytes[tensor] ?? 0), 0);
      const codec = codecs.find((entry) => entry.from === from && entry.to === to)?.codec;
      const name = shorten(problem.index.graph.tensors[only]?.name ?? "", 24);
      const what = others.length === 0 ? name : `${tensors.length} tensors`;
      const coded = codec === undefined ? "" : `, ${codec}`;
      return `${from} → ${to} ${formatQuantity(bytes, "B")} (${what}${coded})`;
    })
    .join("\n");
}

function reigns(
  envelope: Envelope,
  position: number,
  values: readonly number[],
  terminal: Terminal,
): string {
  const parameter = envelope.parameters[position] as EnvelopeParameter;
  const found = findReigns(envelope, position, values);
  const [least, most] = rangeOf(parameter);
  const rows = found.map(({ placement, from, to }) => {
    const [start, end] = [from, to].map((value) => formatValue(parameter, value));
    const range =
      from <= least && to >= most
        ? "everywhere"
        : from <= least
          ? `below ${end}`
          : to >= most
            ? `above ${start}`
            : `${start} to ${end}`;
    const own = envelope.placements[placement] as EnvelopePlacement;
    return [range, `${placement + 1}`, summarisePlacement(envelope, own)];
  });
  return formatTable([{ head: "" }, { head: "", align: "right" }, { head: "" }], rows, terminal)
    .split("\n")
    .slice(1)
    .join("\n");
}
