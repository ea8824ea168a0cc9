/**
 * Memory-bounded parts on devices linked by radio: what k-path matching wins over random and greedy
 * placement, and what the optimum wins over it.
 *
 * @module
 */

import { kpathPublished } from "../plan/planners/kpath-published.ts";
import { type LinePoint, lineChart } from "./charts.ts";
import { kpathFindings } from "./k-path/findings.ts";
import { fullGrid, type Grid, publishedModels, quickGrid } from "./k-path/grids.ts";
import { kpathHeadlines } from "./k-path/headlines.ts";
import { type NetworkCell, networkCell, speeds } from "./k-path/network-cells.ts";
import { type PlacementCell, placementCell } from "./k-path/placement-cells.ts";
import { type PublishedResults, publishedFile, readPublished } from "./k-path/published.ts";
import { publishedOn } from "./k-path/published-on.ts";
import { pairedRatios } from "./k-path/ratios.ts";
import { networkTable, placementTable } from "./k-path/tables.ts";
import { chainProfile, type KpathChain, readKpathChain } from "./kpath-chain.ts";
import { geometricMean } from "./statistics.ts";
import type { Study, StudyHost, StudyProgress, StudyReport } from "./study.ts";

export const kPathStudy: Study = {
  name: "k-path",
  title: "Parts for devices with little memory, linked by radio",
  *run(host) {
    const grid = host.quick ? quickGrid : fullGrid;
    const results = readPublished(host.readFigures(publishedFile));
    const chains = new Map(
      publishedModels.map((model) => [model as string, readChain(host, model)]),
    );
    const placements = yield* measurePlacements(host, grid, chains, results);
    const networks = [
      ...(yield* measureChains(host, grid, chains)),
      ...(yield* measureZoo(host, grid)),
    ];
    return report(host, grid, results, { placements, networks });
  },
};

type Measuring<T> = Generator<StudyProgress, T>;

function readChain(host: StudyHost, model: string): KpathChain {
  const file = `kpath/${model}.json`;
  return readKpathChain(host.readFigures(file), file);
}

/** The published cells, and each network below 64 MiB on the most devices. */
function* measurePlacements(
  host: StudyHost,
  grid: Grid,
  chains: ReadonlyMap<string, KpathChain>,
  { rows }: PublishedResults,
): Measuring<PlacementCell[]> {
  const most = Math.max(...grid.placementDevices);
  const gridOf = rows.flatMap(({ model, capMebibytes }) =>
    grid.placementDevices.map((devices) => ({ model, capMebibytes, devices })),
  );
  const others = publishedModels
    .filter((model) => !rows.some((row) => row.model === model && row.capMebibytes === 64))
    .map((model) => ({ model, capMebibytes: 64, devices: most }));
  const wanted = [...gridOf, ...others];
  const cells: PlacementCell[] = [];
  for (const [done, { model, capMebibytes, devices }] of wanted.entries()) {
    yield { share: (0.3 * done) / wanted.length, label: `${model} as published` };
    const topologies = grid.topologies.placement;
    const chain = chains.get(model) as KpathChain;
    const cell = placementCell(host, chain, { capMebibytes, devices, topologies });
    if (cell !== null) cells.push(cell);
  }
  return cells;
}

function* measureChains(
  host: StudyHost,
  grid: Grid,
  chains: ReadonlyMap<string, KpathChain>,
): Measuring<NetworkCell[]> {
  const cells: NetworkCell[] = [];
  for (const [done, model] of grid.chains.entries()) {
    const chain = chains.get(model) as KpathChain;
    const profile = chainProfile(chain);
    for (const capMebibytes of grid.caps) {
      for (const devices of grid.devices) {
        yield { share: 0.3 + (0.35 * done) / grid.chains.length, label: `${model}, ${devices}` };
        const setting = "links" as const;
        const topologies = grid.topologies.links;
        const limitSeconds = grid.limitSeconds.links;
        const published = publishedOn(chain, capMebibytes);
        const asked = { setting, capMebibytes, devices, topologies, limitSeconds, published };
        const cell = networkCell(host, profile, asked);
        if (needsParts(cell)) cells.push(cell);
      }
    }
  }
  return cells;
}

function* measureZoo(host: StudyHost, grid: Grid): Measuring<NetworkCell[]> {
  const cells: NetworkCell[] = [];
  for (const [done, [network, caps]] of grid.zoo.entries()) {
    const profile = host.profileOf(network);
    for (const capMebibytes of caps) {
      for (const devices of grid.devices) {
        yield { share: 0.65 + (0.35 * done) / grid.zoo.length, label: `${network}, ${devices}` };
        const setting = "compute" as const;
        const topologies = grid.topologies.compute;
        const limitSeconds = grid.limitSeconds.compute;
        const published = kpathPublished;
        const asked = { setting, capMebibytes, devices, topologies, limitSeconds, published };
        const cell = networkCell(host, profile, asked);
        if (needsParts(cell)) cells.push(cell);
      }
    }
  }
  return cells;
}

/** Whether a device has no room for everything, and some plan was found. */
function needsParts({ single, exact }: NetworkCell): boolean {
  return single.every((value) => value === null) && exact.some((value) => value !== null);
}

function report(
  host: StudyHost,
  grid: Grid,
  results: PublishedResults,
  {
    placements,
    networks,
  }: {
    placements: readonly PlacementCell[];
    networks: readonly NetworkCell[];
  },
): StudyReport {
  const guests = host.guests.map(({ name }) => name);
  const of = (setting: NetworkCell["setting"]): NetworkCell[] =>
    networks.filter((cell) => cell.setting === setting);
  const { topologies } = grid;
  return {
    name: kPathStudy.name,
    title: kPathStudy.title,
    setting: [
      `Devices at random in a hall of 150 m by 150 m, each linked to each by itself at log2(1 + 283230 ÷ d²) Mbit/s; the same ${topologies.placement}, ${topologies.links} and ${topologies.compute} seeded topologies for all methods of a cell. Intervals are 95 % of the geometric mean of paired ratios. Cells that fit one device are left out, never counted as nothing.`,
      "As published: parts by the published rules (a byte a parameter, eight an element, a copy for each consumer), only links count. Random is the mean of 50 draws whose parts may be above the memory.",
      `By honest rules: four bytes a parameter and an element, one copy, all memory that the cost model charges; exact has ${grid.limitSeconds.links} s a problem, cuts and places together, and stands beside the exact placement of k-path's parts. Random is the mean of those of 50 draws that are allowed.`,
      `With compute: networks of the zoo, node seconds measured on the profile's machine, devices with ${speeds.join(", ")} of its speed at random, the input as uint8 from the first device and the answer back to it. exact has ${grid.limitSeconds.compute} s a problem; its bound is for all placements.`,
    ],
    tables: [
      placementTable(placements, results, guests),
      networkTable(
        of("links"),
        "Cut and placed by honest rules, only links count: ratios to exact (95 % interval)",
        guests,
      ),
      networkTable(
        of("compute"),
        "Networks with compute on devices of three speeds: ratios to exact (95 % interval)",
        guests,
      ),
    ],
    charts: [
      {
        suffix: "",
        caption:
          "Seconds of the slowest link (published parts) or of a period (honest rules), as a ratio to exact, by the number of parts; geometric means over topologies and the networks that have so many parts, which differ from point to point. kpath is the mended one.",
        spec: ratioChart(placements, of("links"), guests),
      },
    ],
    headlines: kpathHeadlines(placements, results),
    findings: kpathFindings(placements, networks),
    cells: [...placements, ...networks],
  };
}

function ratioChart(
  placements: readonly PlacementCell[],
  networks: readonly NetworkCell[],
  guests: readonly string[],
): Readonly<Record<string, unknown>> {
  const names = ["greedy", "kpath", ...guests];
  const first = placements.flatMap(({ parts, methods, exact }) =>
    names.flatMap((series) =>
      pairedRatios(methods[series] ?? [], exact).map((ratio) => ({ parts, series, ratio })),
    ),
  );
  const second = networks.flatMap(({ parts, methods, exact }) =>
    names.flatMap((series) =>
      (methods[series] ?? []).flatMap((value, topology) => {
        const best = exact[topology] ?? null;
        const count = parts[topology] ?? 0;
        return value === null || best === null || count === 0
          ? []
          : [{ parts: count, series, ratio: value / best }];
      }),
    ),
  );
  const points = [
    ...meansByParts(first, "the published parts, placed"),
    ...meansByParts(second, "cut and placed by honest rules"),
  ];
  return lineChart({
    title: "How far from the optimum, by the number of parts",
    panels: { columns: 2 },
    points,
    x: { title: "parts", format: "d", domain: [2, Math.max(3, ...points.map(({ x }) => x))] },
    y: {
      title: "ratio to exact",
      domain: [1, Math.max(1.05, ...points.map(({ y }) => y)) * 1.01],
    },
    seriesTitle: "method",
  });
}

function meansByParts(
  found: readonly { parts: number; series: string; ratio: number }[],
  panel: string,
): LinePoint[] {
  const groups = new Map<string, { x: number; series: string; ratios: number[] }>();
  for (const { parts, series, ratio } of found) {
    const key = `${series} ${parts}`;
    const group = groups.get(key) ?? { x: parts, series, ratios: [] };
    group.ratios.push(ratio);
    groups.set(key, group);
  }
  return [...groups.values()]
    .sort((a, b) => a.x - b.x)
    .map(({ x, series, ratios }) => ({ x, series, panel, y: geometricMean(ratios) }));
}
