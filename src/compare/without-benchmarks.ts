/**
 * Whether shapes and what a device states may replace benchmarks: the resource-aware cut against
 * benchmarked ones, fresh and stale.
 *
 * @module
 */
import type { Study } from "./study.ts";
import { type Cell, measureCell } from "./without-benchmarks/cell.ts";
import { chartOf, findingsOf, headlinesOf } from "./without-benchmarks/report.ts";
import { describeSetting, settings } from "./without-benchmarks/setting.ts";
import {
  budgetTable,
  networkTable,
  regretTable,
  savingTable,
} from "./without-benchmarks/tables.ts";

/** Networks × bandwidths × devices that lack one resource each. */
export const withoutBenchmarks: Study = {
  name: "without-benchmarks",
  title: "Deciding without benchmarks",
  *run(host) {
    const all = settings(host.quick);
    const cells: Cell[] = [];
    for (const setting of all) {
      cells.push(measureCell(setting, host.profileOf(setting.network), host));
      yield {
        share: cells.length / all.length,
        label: `${setting.network}, little ${setting.scarcity}, ${setting.megabits} Mbit/s`,
      };
    }
    const guests = host.guests.map(({ name }) => name);
    return {
      name: withoutBenchmarks.name,
      title: withoutBenchmarks.title,
      setting: describeSetting(),
      tables: [
        budgetTable(cells, guests),
        regretTable(cells, guests),
        savingTable(cells, "latencySeconds", guests),
        savingTable(cells, "linkBytes", guests),
        networkTable(cells, host.profileOf),
      ],
      charts: [chartOf(cells)],
      headlines: headlinesOf(cells),
      findings: findingsOf(cells),
      cells,
    };
  },
};
