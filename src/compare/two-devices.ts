import { asCount, asNumber, asPercent, asRatio } from "./figures.ts";
import { geometricMean, median } from "./statistics.ts";
import type { Study, StudyReport } from "./study.ts";
import {
  comparedPlanners,
  describePair,
  deviceSpeed,
  fullGrid,
  type Grid,
  inputsInWords,
  measurePairs,
  objectiveNames,
  type PairCell,
  quickGrid,
} from "./two-devices/cells.ts";
import { gainMap } from "./two-devices/gain-map.ts";
import { pairHeadlines } from "./two-devices/headlines.ts";
import {
  bestOf,
  equality,
  gainOf,
  gainsNothing,
  gainTable,
  largest,
  meanTable,
  noGain,
  noGainTable,
  regretTable,
} from "./two-devices/tables.ts";

/** Where splitting wins between a device and a server, and which planner finds it. */
export const twoDevices: Study = {
  name: "two-devices",
  title: "A device and a server",
  *run(host) {
    const grid = host.quick ? quickGrid : fullGrid;
    const compared = comparedPlanners(host.guests);
    const cells = yield* measurePairs(grid, compared, host);
    const names = compared.map(({ name }) => name);
    return reportOf(cells, grid, names);
  },
};

function reportOf(
  cells: readonly PairCell[],
  grid: Grid,
  planners: readonly string[],
): StudyReport {
  return {
    name: twoDevices.name,
    title: twoDevices.title,
    setting: settingOf(grid),
    tables: [
      ...objectiveNames.map((objective) => gainTable(cells, grid, objective)),
      noGainTable(cells, grid),
      regretTable(cells, planners),
      ...objectiveNames.map((objective) => meanTable(cells, grid, planners, objective)),
    ],
    charts: objectiveNames.map((objective) => gainMap(cells, grid, objective)),
    headlines: pairHeadlines(cells),
    findings: findingsOf(cells, planners),
    cells,
  };
}

function settingOf(grid: Grid): string[] {
  const { networks, serverFactors, bandwidths, limitSeconds } = grid;
  const [least, most] = [Math.min(...bandwidths) / 1e6, Math.max(...bandwidths) / 1e6];
  return [
    `Which nodes run on the device and which on the server, for the least latency of one request and for the most answers a second? ${networks.length} networks, ${bandwidths.length} bandwidths from ${least} to ${most} Mbit/s, alike both ways, without latency of its own.`,
    `The device is a Raspberry Pi 4 class: 1/${1 / deviceSpeed} of the measured machine; the server is ${serverFactors.join(", ")} times the device. No memory limit, no codec.`,
    inputsInWords,
    "On graphs that are no chain, for which its paper has no answer, `neurosurgeon` cuts behind nodes that all paths pass; `dads` and `cic` cut anywhere.",
    "Source and sink is the device: the answer returns. Device-only and server-only are everything on that side; the best single device is the less of the two, of each cell.",
    `Each planner was stopped after ${limitSeconds} s at the latest; \`exact\` and \`auto\` say then how far from their bound they are.`,
  ];
}

function findingsOf(cells: readonly PairCell[], planners: readonly string[]): string[] {
  const gains = objectiveNames.map((objective) => {
    const own = cells.filter((cell) => cell.objective === objective);
    const top = largest(own, gainOf);
    if (top === null) return `No cell for ${objective}.`;
    const none = own.filter(gainsNothing).length;
    return `For ${objective}, splitting gains less than 1 % in ${asCount(none, own.length)} cells; median ${asRatio(median(own.map(gainOf)))}, geometric mean ${asRatio(geometricMean(own.map(gainOf)))}, at most ${asRatio(gainOf(top))} (${describePair(top)})${byInput(own)}.`;
  });
  return [
    ...gains,
    ...flowBack(cells),
    ...objectiveNames.map((objective) => proofOf(cells, objective)),
    ...promiseOf(cells, planners),
  ];
}

/** Most gains for latency are gains over sending a picture as float32. */
function byInput(cells: readonly PairCell[]): string {
  const inputs = [...new Set(cells.map(({ input }) => input))];
  const most = inputs.map((input) => {
    const gains = cells.filter((cell) => cell.input === input).map(gainOf);
    return `${asRatio(Math.max(...gains))} with a ${input} input`;
  });
  return `: ${most.join(", ")}`;
}

/** What planners that only send forward cannot find. */
function flowBack(cells: readonly PairCell[]): string[] {
  const oneWay = ({ values }: PairCell): number =>
    Math.min(...["neurosurgeon", "dads", "cic"].flatMap((name) => values[name] ?? []));
  const own = cells.filter((cell) => cell.objective === "latency" && Number.isFinite(oneWay(cell)));
  const lost = (cell: PairCell): number => oneWay(cell) / bestOf(cell);
  const top = largest(own, lost);
  if (top === null || lost(top) < 1 + noGain) return [];
  const count = own.filter((cell) => lost(cell) >= 1 + noGain).length;
  return [
    `For latency, planners that only send forward lose 1 % or more in ${asCount(count, own.length)} cells, at most ${asPercent(lost(top) - 1)} (${describePair(top)}): where the last nodes make more than they read, it pays to finish on the device.`,
  ];
}

function proofOf(cells: readonly PairCell[], objective: string): string {
  const own = cells.filter((cell) => cell.objective === objective);
  const gap = (cell: PairCell): number => Math.max(0, 1 - cell.bound / bestOf(cell));
  const proven = own.filter((cell) => gap(cell) < equality).length;
  const open = largest(own, gap);
  const rest =
    open === null || gap(open) < equality
      ? ""
      : `; the largest gap left is ${asPercent(gap(open))} (${describePair(open)})`;
  return `For ${objective}, the best plan is proven to be the best in ${asCount(proven, own.length)} cells${rest}.`;
}

/** Whether `auto` keeps its word. */
function promiseOf(cells: readonly PairCell[], planners: readonly string[]): string[] {
  if (!planners.includes("auto")) return [];
  const worse = cells.filter(
    (cell) => (cell.values["auto"] ?? Number.POSITIVE_INFINITY) > bestOf(cell) * (1 + equality),
  );
  return [
    worse.length === 0
      ? `\`auto\` is never worse than any other planner, in ${asNumber(cells.length)} cells.`
      : `\`auto\` is worse than another planner in ${asCount(worse.length, cells.length)} cells.`,
  ];
}
