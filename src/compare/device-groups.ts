/**
 * Unequal devices in a mesh: pipelines of one device a stage, groups that share the rows of a stage,
 * and what the optimum wins over them.
 *
 * @module
 */
import { lineChart } from "./charts.ts";
import { groupFindings } from "./device-groups/findings.ts";
import {
  equalSpeed,
  fullGrid,
  type Grid,
  quickGrid,
  scalingRates,
  speeds,
  unequalDevices,
} from "./device-groups/grids.ts";
import { type GroupCell, groupCell, reference, withoutTiles } from "./device-groups/group-cells.ts";
import { groupHeadlines } from "./device-groups/headlines.ts";
import { ratiosOf } from "./device-groups/outcomes.ts";
import {
  type ScalingCell,
  scalingCell,
  type UnequalCell,
  unequalCell,
} from "./device-groups/scaling-cells.ts";
import { groupTable, scalingTable, unequalTable } from "./device-groups/tables.ts";
import { geometricMean } from "./statistics.ts";
import type { Study, StudyHost, StudyProgress, StudyReport } from "./study.ts";

export const deviceGroups: Study = {
  name: "device-groups",
  title: "Unequal devices, one a stage or in groups",
  *run(host) {
    const grid = host.quick ? quickGrid : fullGrid;
    const groups = yield* measureGroups(host, grid);
    const scaling = yield* measureScaling(host, grid);
    const unequal = yield* measureUnequal(host, grid);
    return report(host, grid, { groups, scaling, unequal });
  },
};

/** For `exact` and guests on many unequal devices, where a proof may take long. */
const unequalLimitSeconds = 2;

type Measuring<T> = Generator<StudyProgress, T>;

function* measureGroups(host: StudyHost, grid: Grid): Measuring<GroupCell[]> {
  const { draws, limitSeconds } = grid;
  const wanted = grid.networks.flatMap((network) =>
    grid.devices.flatMap((devices) =>
      grid.rates.map((megabitsPerSecond) => ({ network, devices, megabitsPerSecond })),
    ),
  );
  const cells: GroupCell[] = [];
  for (const [done, { network, ...where }] of wanted.entries()) {
    const { devices, megabitsPerSecond } = where;
    const label = `${network}, ${devices} devices, ${megabitsPerSecond} Mbit/s`;
    yield { share: (0.85 * done) / wanted.length, label };
    cells.push(groupCell(host, host.profileOf(network), { ...where, draws, limitSeconds }));
  }
  return cells;
}

function* measureScaling(host: StudyHost, grid: Grid): Measuring<ScalingCell[]> {
  const { limitSeconds } = grid;
  const cells: ScalingCell[] = [];
  for (const network of grid.scaled) {
    for (const megabitsPerSecond of scalingRates) {
      for (const devices of grid.equalDevices) {
        yield { share: 0.9, label: `${network}, ${devices} equal devices` };
        const where = { devices, megabitsPerSecond, limitSeconds };
        cells.push(scalingCell(host, host.profileOf(network), where));
      }
    }
  }
  return cells;
}

function* measureUnequal(host: StudyHost, grid: Grid): Measuring<UnequalCell[]> {
  const cells: UnequalCell[] = [];
  for (const network of grid.scaled) {
    for (const megabitsPerSecond of scalingRates) {
      yield { share: 0.95, label: `${network}, ${unequalDevices} unequal devices` };
      const where = { megabitsPerSecond, draws: grid.draws, limitSeconds: unequalLimitSeconds };
      cells.push(unequalCell(host, host.profileOf(network), where));
    }
  }
  return cells;
}

interface Cells {
  readonly groups: readonly GroupCell[];
  readonly scaling: readonly ScalingCell[];
  readonly unequal: readonly UnequalCell[];
}

function report(host: StudyHost, grid: Grid, cells: Cells): StudyReport {
  const { groups, scaling, unequal } = cells;
  const guests = host.guests.map(({ name }) => name);
  const fractions = speeds.map((speed) => `1/${1 / speed}`).join(", ");
  return {
    name: deviceGroups.name,
    title: deviceGroups.title,
    setting: [
      `Devices of ${fractions} of the speed of the profile's machine, drawn ${grid.draws} times a cell (the same draws for all methods), all linked to all, each link by itself; the first is source and sink, pictures travel as uint8, memory is unlimited, devices compute while they send.`,
      `single, pipedge and ${withoutTiles} have one device a stage; pso, exact-groups (up to six devices) and "${reference}" may have several share the rows of a stage. All figures are what evaluate says of the plan. pso, exact and guests have ${grid.limitSeconds} s a problem, ${unequalLimitSeconds} s on ${unequalDevices} unequal devices.`,
      `Equal devices have 1/${1 / equalSpeed} of the measured speed.`,
    ],
    tables: [
      groupTable(groups, "devices", guests),
      groupTable(groups, "megabitsPerSecond", guests),
      scalingTable(scaling, guests),
      unequalTable(unequal, guests),
    ],
    charts: [
      {
        suffix: "",
        caption: `Throughput as a multiple of that of the best single device, by the number of devices; geometric means over draws and networks, a panel for each rate of the links.`,
        spec: gainChart(groups, grid),
      },
      {
        suffix: "scaling",
        caption: "Throughput of pipedge on equal devices as a multiple of that of one.",
        spec: scalingChart(scaling),
      },
    ],
    headlines: groupHeadlines(groups, scaling, unequal),
    findings: groupFindings(groups),
    cells: [...groups, ...scaling, ...unequal],
  };
}

function gainChart(cells: readonly GroupCell[], grid: Grid): Readonly<Record<string, unknown>> {
  const counts = grid.devices;
  const points = grid.rates.flatMap((rate) =>
    [reference, "pso", withoutTiles, "pipedge"].flatMap((series) =>
      counts.map((devices) => {
        const own = cells.filter(
          (cell) => cell.devices === devices && cell.megabitsPerSecond === rate,
        );
        const y = geometricMean(ratiosOf(own, "single", series));
        return { x: devices, y, series, panel: `${rate} Mbit/s` };
      }),
    ),
  );
  return lineChart({
    title: "What unequal devices give over the best of them",
    panels: { columns: 3 },
    points,
    x: { title: "devices", format: "d", domain: [counts[0] ?? 1, counts.at(-1) ?? 1] },
    y: { title: "throughput ÷ best single" },
    seriesTitle: "method",
    size: { width: 220, height: 220 },
  });
}

function scalingChart(cells: readonly ScalingCell[]): Readonly<Record<string, unknown>> {
  return lineChart({
    title: "Equal devices",
    points: cells.map(({ network, devices, megabitsPerSecond, single, pipedge }) => ({
      x: devices,
      y: single / pipedge,
      series: network,
      dash: `${megabitsPerSecond} Mbit/s`,
    })),
    x: { title: "devices", format: "d" },
    y: { title: "throughput ÷ one device" },
    seriesTitle: "network",
    dashTitle: "links",
  });
}
