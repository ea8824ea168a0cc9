/**
 * What the benchmark found, as a page.
 *
 * @module
 */
import { asCount, asRatio } from "../../dist/compare/figures.js";
import { markdown, median } from "./ask.ts";
import { type Crossing, type GroupCell, megabits, type PairCell, targetGain } from "./groups.ts";
import {
  baselines,
  edgeCounts,
  edgeMegabits,
  type Gain,
  type TierCell,
  tiledMethods,
} from "./tiers.ts";

export interface Findings {
  readonly tiers: readonly TierCell[];
  readonly gains: readonly Gain[];
  readonly pair: { readonly cells: readonly PairCell[]; readonly crossings: readonly Crossing[] };
  readonly groups: readonly GroupCell[];
}

export function pageOf({ tiers, gains, pair, groups }: Findings): string {
  return [
    ...["    npm run bench -- tiles", ""],
    "Node seconds are measured on one core (bench/profiles), everything else is modelled: what the cost model says of plans, one request at a time. Tensors are float32 and travel as they are.",
    simulated([...tiers, ...pair.cells, ...groups]),
    "",
    "# Device, edge and cloud, after D3",
    "",
    `Five networks, four link sets, one, two or four machines on the edge, of the speed of the profiled core or a tenth of it: ${tiers.length} cells for each number. Device 0.05 of the core, cloud 30 times. The device reaches the first edge machine, which is on a switch of ${edgeMegabits} Mbit/s with the others. Neurosurgeon on the two chains only.`,
    "",
    headline(gains),
    "",
    "Latency of the baseline ÷ latency with tiles: median, best, and in how many cells it is 3.4 or more.",
    "",
    gainTable(gains),
    "",
    "How many times as fast the run that `d3` shares is computed (median, least and most of the cells), and the whole request with what it takes to scatter and gather (the same).",
    "",
    speedUpTable(tiers),
    "",
    "Latency in ms.",
    "",
    latencyTable(tiers),
    "",
    "# Two equal devices",
    "",
    "VGG-16, whole, 0.2 ms between them; the picture is on one of them, which wants the answer. Gain over one device.",
    "",
    pairTable(pair.cells),
    "",
    crossingsInWords(pair.crossings),
    "",
    "![](tiles-two-devices.svg)",
    "",
    "# Two to six devices",
    "",
    "All on one switch, 0.2 ms; 2 s on the fastest, which has the picture and wants the answer. Unequal: 1, 2/3, 1/2, 2/5, 1/3, 2/7 of its speed. Members: devices that have rows of some stage. At most: all their speed together. Gap: to the bound for every way to share. Stopped: the planner was, after 12 s.",
    "",
    groupTable(groups),
    "",
    "![](tiles-groups.svg)",
    "",
  ].join("\n");
}

function simulated(cells: readonly { readonly simulatedRatio: number }[]): string {
  const worst = Math.max(...cells.map(({ simulatedRatio }) => Math.abs(simulatedRatio - 1)));
  const equal = cells.filter(({ simulatedRatio }) => Math.abs(simulatedRatio - 1) < 0.001).length;
  return `The simulator, one request at a time, says the same in ${asCount(equal, cells.length)} cells and differs by ${(100 * worst).toFixed(1)} % at most: pieces wait for one another on a link, and stages begin as soon as they can.`;
}

/** The published figure on the map: against which baseline it is reached, and how usual that is. */
function headline(gains: readonly Gain[]): string {
  const published = gains.filter(({ method }) => method.startsWith("d3 + tiles"));
  const sentences = baselines.flatMap((baseline) => {
    const own = published.filter((gain) => gain.baseline === baseline);
    if (own.length === 0) return [];
    const best = own.reduce((most, gain) => (gain.best > most.best ? gain : most));
    const reached = own.reduce((sum, gain) => sum + gain.reached, 0);
    const cells = own.reduce((sum, gain) => sum + gain.cells, 0);
    const middle = median(own.map((gain) => gain.median));
    return [
      `- against ${baseline}: at best ${asRatio(best.best)} (${best.bestCell}, ${best.method.split(" ").at(-1)} edge machines), median ${asRatio(middle)}; 3.4x in ${asCount(reached, cells)} cells`,
    ];
  });
  return ["Published: up to 3.4x. `d3` with tiles, as published:", "", ...sentences].join("\n");
}

function gainTable(gains: readonly Gain[]): string {
  const lines = baselines.map((baseline) => [
    baseline,
    ...tiledMethods.map((method) => {
      const gain = gains.find((one) => one.method === method && one.baseline === baseline);
      if (gain === undefined) return "–";
      return `${gain.median.toFixed(2)}, ${gain.best.toFixed(2)}, ${gain.reached}/${gain.cells}`;
    }),
  ]);
  return markdown(["against", ...tiledMethods], lines);
}

function speedUpTable(tiers: readonly TierCell[]): string {
  const networks = [...new Set(tiers.map(({ network }) => network))];
  const spread = (values: readonly number[]): string =>
    values.length === 0
      ? "–"
      : `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;
  const counts = edgeCounts.slice(1).map(String);
  const lines = networks.map((network) => {
    const own = tiers.filter((cell) => cell.network === network);
    return [
      network,
      ...counts.map((count) => spread(own.flatMap(({ runSpeedUp }) => runSpeedUp[count] ?? []))),
      ...counts.map((count) => spread(own.flatMap(({ endToEnd }) => endToEnd[count] ?? []))),
    ];
  });
  const heads = ["run", "request"].flatMap((what) =>
    counts.map((count) => `${what}, ${count} edges`),
  );
  return markdown(["network", ...heads], lines);
}

function latencyTable(tiers: readonly TierCell[]): string {
  const methods = [...baselines, ...tiledMethods];
  const lines = tiers.map(({ network, links, edgeSpeed, latencySeconds }) => [
    ...[network, links, edgeSpeed],
    ...methods.map((method) => {
      const own = latencySeconds[method];
      return own === undefined ? "–" : Number((1e3 * own).toPrecision(3));
    }),
  ]);
  return markdown(["network", "links", "edge", ...methods], lines);
}

function pairTable(cells: readonly PairCell[]): string {
  const times = [...new Set(cells.map(({ wholeSeconds }) => wholeSeconds))];
  const lines = times.map((time) => [
    `${time} s`,
    ...megabits.map((rate) => {
      const cell = cells.find((one) => one.wholeSeconds === time && one.megabits === rate);
      return cell === undefined ? "–" : `${cell.gain.toFixed(2)}x`;
    }),
  ]);
  return markdown(["on one device", ...megabits.map((rate) => `${rate} Mbit/s`)], lines);
}

function crossingsInWords(crossings: readonly Crossing[]): string {
  const words = crossings.map(({ wholeSeconds, megabits: rate }) =>
    rate === null ? `${wholeSeconds} s: never` : `${wholeSeconds} s: ${rate} Mbit/s`,
  );
  return `The gain passes ${targetGain}x from these rates on, by what one device takes: ${words.join("; ")}.`;
}

function groupTable(groups: readonly GroupCell[]): string {
  const lines = groups.map((cell) => [
    ...[cell.network, cell.kind, cell.megabits, cell.devices, cell.members],
    `${(1e3 * cell.latencySeconds).toFixed(0)} ms`,
    `${cell.gain.toFixed(2)}x`,
    `${cell.most.toFixed(2)}x`,
    cell.gap === null ? "–" : `${(100 * cell.gap).toFixed(1)} %`,
    cell.stopped ? "yes" : "",
  ]);
  const head = [
    "network",
    "speeds",
    "Mbit/s",
    "devices",
    "members",
    "latency",
    "gain",
    "at most",
    "gap",
    "stopped",
  ];
  return markdown(head, lines);
}
