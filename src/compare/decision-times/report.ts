/**
 * What the decision times say: tables, a chart, and CIC's headline.
 *
 * @module
 */
import { asCount, asPercent, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { Headline, Study, StudyChart, StudyReport, StudyTable } from "../study.ts";
import { type CaseResult, type MethodName, methodNames, serverLoads, setting } from "./case.ts";
import type { PlanningTime } from "./planning.ts";

export function reportTimes(
  { name, title }: Study,
  results: readonly CaseResult[],
  planning: readonly PlanningTime[],
): StudyReport {
  const forms = [...new Set(results.map(({ form }) => form))];
  return {
    name,
    title,
    setting: settingOf(results),
    tables: [
      ...forms.flatMap((form) => [timesTable(results, form), ratioTable(results, form)]),
      offlineTable(results),
      gapTable(results),
      planningTable(planning),
    ],
    charts: [timesChart(results)],
    headlines: headlinesOf(results),
    findings: findingsOf(results),
    cells: [...results, ...planning],
  };
}

function settingOf(results: readonly CaseResult[]): string[] {
  const bandwidths = results[0]?.cells.map((cell) => cell.bandwidthBitsPerSecond) ?? [];
  const [least, most] = [Math.min(...bandwidths), Math.max(...bandwidths)].map(
    (rate) => rate / 1e6,
  );
  return [
    `One device and a server that is ${setting.serverFactor} times as fast and up to ${Math.max(...serverLoads)} times slowed down, ${setting.latencySeconds * 1e3} ms for each tensor, ${new Set(bandwidths).size} bandwidths from ${least} to ${most} Mbit/s; the answer comes back to the device; objective latency.`,
    'Graphs "as drawn" are unfused, as exporters write them and as the papers count layers, with node seconds modelled by a roofline; "fused" ones are as measured, after optimisation by the runtime.',
    "All methods are the same language, the same push-relabel cut and the same tables of costs. A figure is the median over all states of the median of repeated decisions in that state, after a warm-up; what states have in common is in the processor's caches, for every method alike.",
    "Times are those of the machine that ran this and are noisy where others use it too; ratios move less.",
    '"Full cut": the one-way minimum cut of DADS, each tensor charged once, with or without building its network; "groups": the same cut on the compressed graph; "cic, online": the scan of the cuts behind articulation groups, and a cut of each segment that may hold a better one; "envelope": the least of a few dot products, over all placements.',
    'Everybody is charged for what it returns: a full cut for a device of each node, a cut of the groups and "cic, online" for one of each group, the envelope for the number of a placement. "cic, with every node placed" writes down the nodes too, where the cuts behind articulation groups could have been written down once and for all.',
  ];
}

const wide = (results: readonly CaseResult[], form: CaseResult["form"]): CaseResult[] =>
  results.filter((result) => result.form === form && result.input === "float32");

/** The median over states. */
function timeOf({ cells }: CaseResult, method: MethodName): number {
  return median(cells.map(({ seconds }) => seconds[method]));
}

function ratioOf(result: CaseResult, slow: MethodName, fast: MethodName): number {
  return median(result.cells.map(({ seconds }) => seconds[slow] / seconds[fast]));
}

const right = (head: string): { readonly head: string; readonly align: "right" } => ({
  head,
  align: "right",
});

function timesTable(results: readonly CaseResult[], form: CaseResult["form"]): StudyTable {
  return {
    title: `Graphs ${form}: µs for a decision, float32 input`,
    columns: [
      { head: "network" },
      right("nodes"),
      right("groups float32 / uint8"),
      ...methodNames.map((method) => right(method)),
      right("cic, slowest state"),
    ],
    rows: wide(results, form).map((result) => [
      result.network,
      String(result.nodes),
      `${result.groups} / ${narrow(results, result)?.groups ?? "–"}`,
      ...methodNames.map((method) => micros(timeOf(result, method))),
      micros(Math.max(...result.cells.map(({ seconds }) => seconds["cic, online"]))),
    ]),
  };
}

/** The same graph with one byte for each element of its input; none for texts. */
function narrow(results: readonly CaseResult[], { network, form }: CaseResult): CaseResult | null {
  const found = results.find(
    (other) => other.network === network && other.form === form && other.input === "uint8",
  );
  return found ?? null;
}

function ratioTable(results: readonly CaseResult[], form: CaseResult["form"]): StudyTable {
  const [built, again, groupsBuilt, groupsAgain] = methodNames;
  const pairs = [
    [built, groupsBuilt],
    [again, groupsAgain],
    [built, "cic, online"],
    [again, "cic, online"],
    [built, "envelope"],
  ] as const;
  return {
    title: `Graphs ${form}: how many times faster, float32 input / uint8`,
    columns: [
      { head: "network" },
      right("cut of the groups, both built"),
      right("cut of the groups, both again"),
      right("cic, full cut built"),
      right("cic, full cut again"),
      right("envelope, full cut built"),
    ],
    rows: wide(results, form).map((result) => {
      const other = narrow(results, result);
      return [
        result.network,
        ...pairs.map(([slow, fast]) => {
          const second = other === null ? "–" : asRatio(ratioOf(other, slow, fast));
          return `${asRatio(ratioOf(result, slow, fast))} / ${second}`;
        }),
      ];
    }),
  };
}

function offlineTable(results: readonly CaseResult[]): StudyTable {
  return {
    title: "Once, before any state is known: ms, float32 input",
    columns: [
      { head: "network" },
      { head: "graph" },
      { head: "segments with groups inside", align: "right" },
      { head: "compress", align: "right" },
      { head: "cic, offline", align: "right" },
      { head: "envelope", align: "right" },
      { head: "its placements", align: "right" },
      { head: "decisions after which cic has paid", align: "right" },
    ],
    rows: results
      .filter(({ input }) => input === "float32")
      .map((result) => {
        const gain = timeOf(result, methodNames[0]) - timeOf(result, "cic, online");
        return [
          result.network,
          result.form,
          String(result.segments),
          ...[result.offline.compress, result.offline.cic, result.offline.envelope].map(millis),
          String(result.envelopePlacements),
          String(Math.ceil(result.offline.cic / gain)),
        ];
      }),
  };
}

function gapTable(results: readonly CaseResult[]): StudyTable {
  return {
    title: "What is decided: largest gaps over all states and both widths of the input",
    columns: [
      { head: "network" },
      { head: "graph" },
      { head: "groups' cut to the best one-way", align: "right" },
      { head: "cic to the best one-way", align: "right" },
      { head: "cic to exact", align: "right" },
      { head: "envelope to exact", align: "right" },
      { head: "best single ÷ exact, most", align: "right" },
      { head: "its median", align: "right" },
      { head: "states without gain", align: "right" },
    ],
    rows: byGraph(results).map((own) => {
      const cells = own.flatMap((result) => result.cells);
      const gain = cells.map((cell) => cell.bestSingleSeconds / cell.exactSeconds);
      const toExact = (method: MethodName): number =>
        Math.max(
          ...cells.map(
            (cell) => (cell.oneWaySeconds * (1 + cell.gaps[method])) / cell.exactSeconds - 1,
          ),
        );
      return [
        own[0]?.network ?? "",
        own[0]?.form ?? "",
        percent(Math.max(...cells.map(({ gaps }) => gaps["cut of the groups, solved again"]))),
        percent(Math.max(...cells.map(({ gaps }) => gaps["cic, online"]))),
        percent(toExact("cic, online")),
        percent(toExact("envelope")),
        asRatio(Math.max(...gain)),
        asRatio(median(gain)),
        asCount(gain.filter((ratio) => ratio < 1 + 1e-9).length, cells.length),
      ];
    }),
  };
}

function byGraph(results: readonly CaseResult[]): CaseResult[][] {
  const groups = new Map<string, CaseResult[]>();
  for (const result of results) {
    const key = `${result.form} ${result.network}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()];
}

function planningTable(planning: readonly PlanningTime[]): StudyTable {
  const names = [...new Set(planning.map(({ planner }) => planner))];
  return {
    title: "From a problem to a checked plan, with everything that is done once: fused, 20 Mbit/s",
    columns: [
      { head: "planner" },
      { head: "ms, median over networks", align: "right" },
      { head: "ms, most", align: "right" },
      { head: "regret to exact, most", align: "right" },
      { head: "networks answered", align: "right" },
    ],
    rows: names.map((planner) => {
      const own = planning.filter((time) => time.planner === planner);
      const answered = own.filter(({ regret }) => regret !== null);
      const seconds = answered.map((time) => time.seconds);
      const regrets = answered.map(({ regret }) => regret ?? 0);
      return [
        planner,
        answered.length === 0 ? "–" : millis(median(seconds)),
        answered.length === 0 ? "–" : millis(Math.max(...seconds)),
        answered.length === 0 ? "–" : percent(Math.max(...regrets)),
        asCount(answered.length, own.length),
      ];
    }),
  };
}

/** The ratio that the paper gives, read in two ways. */
function headlinesOf(results: readonly CaseResult[]): Headline[] {
  const readings = [
    ["cut of the groups, built and solved", "the minimum cut of the compressed graph"],
    ["cic, with every node placed", "the scan of its cuts by segments, every node placed"],
  ] as const;
  return readings.map(([method, what]) => {
    const drawn = results.filter(({ form, input }) => form === "as drawn" && input === "float32");
    const ratios = drawn.map((result) => ({
      result,
      ratio: ratioOf(result, methodNames[0], method),
    }));
    const sorted = [...ratios].sort((a, b) => b.ratio - a.ratio);
    const [best] = sorted;
    const large = ratios.filter(({ result }) => result.nodes >= 150);
    const isReproduced = (best?.ratio ?? 0) >= 100;
    const slowest = Math.max(...drawn.map((result) => timeOf(result, methodNames[0])));
    const all = sorted.map(({ result, ratio }) => `${result.network} ${asRatio(ratio)}`).join(", ");
    return {
      system: "CIC",
      published: "decisions up to 100x faster",
      publishedAgainst: "the minimum cut of the full graph",
      measured: `${asRatio(best?.ratio ?? 0)}, median ${asRatio(median(ratios.map(({ ratio }) => ratio)))}`,
      cell: `${best?.result.network}, ${best?.result.nodes} nodes as drawn, ${best?.result.groups === 1 ? "1 group" : `${best?.result.groups} groups`}, float32`,
      against: `DADS' one-way cut, network built and solved, here by the same code; decided by ${what}`,
      verdict: isReproduced ? "reproduced" : "not reproduced",
      remark: `all networks as drawn: ${all}; at least 100x on ${large.filter(({ ratio }) => ratio >= 100).length} of ${large.length} with 150 nodes or more. With networks at hand the cut of the groups is ${asRatio(median(drawn.map((result) => ratioOf(result, "full cut, solved again", "cut of the groups, solved again"))))} faster in the median. The slowest full cut takes ${micros(slowest)} µs: more there is not to save. The decisions are those of the full cut, the rules of compression our own`,
    };
  });
}

function findingsOf(results: readonly CaseResult[]): string[] {
  const ratios = (form: CaseResult["form"], slow: MethodName, fast: MethodName): string => {
    const all = wide(results, form).map((result) => ratioOf(result, slow, fast));
    return `${asRatio(median(all))} (from ${asRatio(Math.min(...all))} to ${asRatio(Math.max(...all))})`;
  };
  const cells = results.flatMap((result) => result.cells);
  const largest = Math.max(...cells.map(({ gaps }) => gaps["cic, online"]));
  const returned = cells.filter((cell) => cell.oneWaySeconds > cell.exactSeconds * (1 + 1e-9));
  const [built, again] = methodNames;
  const slowest = Math.max(...results.map((result) => timeOf(result, built)));
  return [
    `A decision by cic is faster than the full cut with its network built: in the median over networks ${ratios("as drawn", built, "cic, online")} on graphs as drawn, ${ratios("fused", built, "cic, online")} on fused ones; with the network at hand ${ratios("as drawn", again, "cic, online")} and ${ratios("fused", again, "cic, online")}. If it has to write down a device for each node, as the full cut does, ${ratios("as drawn", built, "cic, with every node placed")} and ${ratios("fused", built, "cic, with every node placed")} with networks built.`,
    `The cut of the groups instead of that of the full graph is faster by ${ratios("as drawn", built, "cut of the groups, built and solved")} as drawn and ${ratios("fused", built, "cut of the groups, built and solved")} fused: the smallest cut of a few groups still takes ${micros(Math.min(...results.map((result) => timeOf(result, "cut of the groups, built and solved"))))} µs with its network. The rest is the scan that needs no network.`,
    `From the envelope a decision is faster than the full cut by ${ratios("as drawn", built, "envelope")} as drawn, and it is the best of all placements, not of the one-way ones.`,
    `Over ${cells.length} states the largest gap of cic to the best one-way placement is ${percent(largest)}; coming back to the device would be better in ${returned.length} of them.`,
    `The slowest full cut takes ${micros(slowest)} µs in the median, on this machine: a device that is a hundred times slower and decides once a second would spend ${percent(100 * slowest)} of its time on it.`,
  ];
}

function timesChart(results: readonly CaseResult[]): StudyChart {
  const shown = results.filter(({ input }) => input === "float32");
  const drawn = wide(results, "as drawn").sort((a, b) => b.nodes - a.nodes);
  const values = shown.flatMap((result) =>
    methodNames.map((method) => ({
      network: result.network,
      graph: `graphs ${result.form}`,
      method,
      microseconds: 1e6 * timeOf(result, method),
    })),
  );
  return {
    suffix: "",
    caption:
      "Time of one decision, median over bandwidths and loads; networks by their number of nodes.",
    spec: {
      title: { text: "How long a decision takes", offset: 12 },
      data: { values },
      facet: {
        column: { field: "graph", title: null, header: { labelFontSize: 12 } },
      },
      spec: {
        width: 360,
        height: { step: 22 },
        mark: { type: "point", filled: true, size: 70, opacity: 0.9 },
        encoding: {
          y: {
            field: "network",
            type: "nominal",
            sort: drawn.map(({ network }) => network),
            title: null,
            axis: { grid: true },
          },
          x: {
            field: "microseconds",
            type: "quantitative",
            scale: { type: "log" },
            title: "µs for a decision",
            axis: { format: "~g", tickCount: 6 },
          },
          color: {
            field: "method",
            type: "nominal",
            sort: methodNames,
            title: null,
            scale: { scheme: "tableau10" },
            legend: { orient: "bottom", columns: 2, labelLimit: 400 },
          },
          shape: { field: "method", type: "nominal", sort: methodNames, title: null },
        },
      },
    },
  };
}

function micros(seconds: number): string {
  return figure(1e6 * seconds);
}

function millis(seconds: number): string {
  return figure(1e3 * seconds);
}

/** Differences of rounding are none. */
function percent(share: number): string {
  return Math.abs(share) < 1e-9 ? "0 %" : asPercent(share);
}

function figure(value: number): string {
  return String(Number(value.toPrecision(value >= 1000 ? 4 : 3)));
}
