import type { InputWidth } from "./device-pair.ts";
import { asCount, asPercent, asRatio } from "./figures.ts";
import { median } from "./statistics.ts";
import type { Study, StudyProgress, StudyReport } from "./study.ts";
import { bestOf, measureTiers, type TierCell, tierMethods } from "./three-tiers/cells.ts";
import {
  bands,
  type DynamicGrid,
  type DynamicResult,
  measureWalks,
} from "./three-tiers/dynamic.ts";
import {
  dynamicFindings,
  dynamicTable,
  envelopeTable,
  walkChart,
} from "./three-tiers/dynamic-tables.ts";
import { tierHeadlines } from "./three-tiers/headlines.ts";
import {
  d3Networks,
  fullGrid,
  linkSets,
  quickGrid,
  speeds,
  type TierGrid,
} from "./three-tiers/setting.ts";
import {
  backboneTable,
  equality,
  excessMap,
  excessOf,
  gainInWords,
  gainOf,
  latencyTable,
  regretTable,
  worstTable,
} from "./three-tiers/tables.ts";
import { walkRanges } from "./three-tiers/walk.ts";

const fullWalks: DynamicGrid = {
  networks: d3Networks,
  seeds: [1, 2, 3, 4, 5],
  steps: 200,
  envelopeSeconds: 15,
  keptEvery: 10,
};
const quickWalks: DynamicGrid = {
  networks: ["alexnet", "resnet18"],
  seeds: [1],
  steps: 60,
  envelopeSeconds: 2,
  keptEvery: 1,
};

/** Device, edge and cloud after D3: which planner splits how, and what to do while things change. */
export const threeTiers: Study = {
  name: "three-tiers",
  title: "Device, edge and cloud",
  *run(host) {
    const grid = host.quick ? quickGrid : fullGrid;
    const walks = host.quick ? quickWalks : fullWalks;
    const methods = tierMethods(host.guests);
    const cells = yield* within(0, measureTiers(grid, methods, host));
    const dynamic = yield* within(0.5, measureWalks(walks, host));
    const names = methods.map(({ name }) => name);
    return reportOf(cells, dynamic, grid, walks, names);
  },
};

/** Progress of one half of the study. */
function* within<T>(from: number, part: Generator<StudyProgress, T>): Generator<StudyProgress, T> {
  for (;;) {
    const step = part.next();
    if (step.done === true) return step.value;
    yield { ...step.value, share: from + step.value.share / 2 };
  }
}

function reportOf(
  cells: readonly TierCell[],
  dynamic: DynamicResult,
  grid: TierGrid,
  walks: DynamicGrid,
  methods: readonly string[],
): StudyReport {
  return {
    name: threeTiers.name,
    title: threeTiers.title,
    setting: settingOf(grid, walks),
    tables: [
      regretTable(cells, methods),
      worstTable(cells, grid, methods),
      latencyTable(cells, methods),
      backboneTable(cells, methods),
      dynamicTable(dynamic),
      envelopeTable(dynamic),
    ],
    charts: [excessMap(cells, grid, methods), walkChart(dynamic)],
    headlines: tierHeadlines(cells),
    findings: [gainInWords(cells), ...findingsOf(cells), ...dynamicFindings(dynamic)],
    cells: [...cells, ...dynamic.steps.filter(({ step }) => step % walks.keptEvery === 0)],
  };
}

function keptInWords({ keptEvery }: DynamicGrid): string {
  return keptEvery === 1 ? "" : ` Of the steps every ${keptEvery}th is kept as a cell.`;
}

const inputsInWords: Readonly<Record<InputWidth, string>> = {
  float32: "float32 (as the graph reads it)",
  uint8: "uint8 (a quarter)",
  jpeg: "JPEG",
};

function settingOf(grid: TierGrid, walks: DynamicGrid): string[] {
  const rates = linkSets.map(
    ({ name, deviceToEdge, edgeToCloud, deviceToCloud }) =>
      `${name} ${deviceToEdge} / ${edgeToCloud} / ${deviceToCloud ?? "none"}`,
  );
  const { slowestRate, fastestRate, heaviestLoad, rateStep, loadStep } = walkRanges;
  return [
    `Which nodes run on the device, the edge and the cloud for the least latency of one request? ${grid.networks.length} networks of pictures on four link sets after D3, in Mbit/s device–edge / edge–cloud / device–cloud: ${rates.join("; ")}; alike both ways, without latency of their own. Where the direct link is slower than the way over the edge, it is not used.`,
    `Speeds are those of the measured core times ${speeds.device} (device, a Raspberry Pi 4 class), ${speeds.edge} (edge, a desktop's core) and ${speeds.cloud} (cloud, a GPU class): assumed round figures, one factor for all nodes. No memory limit, no codec.`,
    `The source is the device; the answer may stay where it is made, as D3 does not count its way back. Input as ${grid.inputs.map((input) => inputsInWords[input]).join(" or ")}; inner tensors are float32.`,
    "Planners for two devices run on one pair of neighbours, the third tier relays; on graphs that are no chain `neurosurgeon` cuts behind nodes that all paths pass. `d3` and its variants run on the whole graph, as published; `d3+compress` runs the same rule on the compressed graph. Single tiers are everything there.",
    `Changing world: ${walks.networks.length} networks, ${walks.seeds.length} seeded random ${walks.seeds.length === 1 ? "walk" : "walks"} of ${walks.steps} steps each on the Wi-Fi set without its direct link: both link rates between ${slowestRate} and ${fastestRate} of what is stated (steps of ${rateStep} in the logarithm), loads of edge and cloud between 1 and ${heaviestLoad} (steps of ${loadStep}). Deciders: ${Object.keys(bands).join("; ")} (others at 0.8–1.25) re-partition locally, \`d3 whole\` and \`exact\` decide from scratch in each step, \`d3 whole, if better\` keeps its plan until another costs less, the envelope is built once, the static plans are those of the stated rates, kept. Decision times leave out what all need, the problem with the new costs.${keptInWords(walks)}`,
  ];
}

function findingsOf(cells: readonly TierCell[]): string[] {
  const compared = ["d3", "d3-look-ahead", "d3-exact", "d3+compress"];
  const shares = compared.flatMap((method) => {
    const excess = cells.flatMap((cell) => excessOf(cell, method) ?? []);
    if (excess.length === 0) return [];
    const worse = cells.filter((cell) => gainOf(cell, method) < 1 - equality).length;
    return [
      `\`${method}\`: median ${asRatio(median(excess))}, worst ${asRatio(Math.max(...excess))} the latency of exact; worse than the best single tier in ${asCount(worse, excess.length)} cells${excess.length < cells.length ? ` that it answers` : ""}.`,
    ];
  });
  return [...shares, proofOf(cells), ...promiseOf(cells)];
}

function proofOf(cells: readonly TierCell[]): string {
  const gaps = cells.map((cell) => Math.max(0, 1 - cell.bound / bestOf(cell)));
  const proven = gaps.filter((gap) => gap < equality).length;
  const rest =
    proven === cells.length ? "" : `; the largest gap left is ${asPercent(Math.max(...gaps))}`;
  return `The best plan is proven to be the best in ${asCount(proven, cells.length)} cells${rest}.`;
}

/** Whether `auto` keeps its word. */
function promiseOf(cells: readonly TierCell[]): string[] {
  const asked = cells.flatMap((cell) => excessOf(cell, "auto") ?? []);
  if (asked.length === 0) return [];
  const worse = asked.filter((excess) => excess > 1 + equality).length;
  return [
    worse === 0
      ? `\`auto\` is never worse than any other planner, in ${asked.length} cells.`
      : `\`auto\` is worse than another planner in ${asCount(worse, asked.length)} cells.`,
  ];
}
