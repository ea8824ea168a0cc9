import type { ZooName } from "../../zoo/zoo.ts";
import { heatMap } from "../charts.ts";
import { asCount, asPercent, asRatio } from "../figures.ts";
import { median } from "../statistics.ts";
import type { StudyChart, StudyTable } from "../study.ts";
import { bestOf, describeCell, type Outcome, type TierCell } from "./cells.ts";
import { d3Networks, type TierGrid } from "./setting.ts";

/** Values that differ by less, relatively, are equal: each is kept with six digits. */
export const equality = 2e-5;

export const bestSingleName = "best single";

/** The entry for which `measure` is largest; `null` of none. */
export function largest<T>(entries: readonly T[], measure: (entry: T) => number): T | null {
  return entries.reduce<T | null>(
    (best, entry) => (best === null || measure(entry) > measure(best) ? entry : best),
    null,
  );
}

/** Latency ÷ that of the best known plan; `null` without a plan. */
export function excessOf(cell: TierCell, method: string): number | null {
  const seconds =
    method === bestSingleName ? cell.bestSingle : cell.outcomes[method]?.latencySeconds;
  return seconds === undefined ? null : seconds / bestOf(cell);
}

/** How far from the best each method stays. */
export function regretTable(cells: readonly TierCell[], methods: readonly string[]): StudyTable {
  return {
    title: "Latency ÷ that of the best known plan (`exact`), over all cells",
    columns: [
      { head: "method" },
      ...["answered", "the best", "median", "worst"].map((head) => ({
        head,
        align: "right" as const,
      })),
      { head: "worst cell" },
      { head: "beats the best single tier", align: "right" },
      { head: "refused most, because" },
    ],
    rows: [bestSingleName, ...methods].map((method) => regretRow(cells, method)),
  };
}

function regretRow(cells: readonly TierCell[], method: string): string[] {
  const answered = cells.filter((cell) => excessOf(cell, method) !== null);
  const excess = (cell: TierCell): number => excessOf(cell, method) ?? Number.NaN;
  const worst = largest(answered, excess);
  const reasons = cells.flatMap(({ refused }) => refused[method] ?? []);
  if (worst === null) {
    return [method, asCount(0, cells.length), "–", "–", "–", "", "–", reasons[0] ?? ""];
  }
  const best = answered.filter((cell) => excess(cell) <= 1 + equality).length;
  const wins = answered.filter((cell) => gainOf(cell, method) > 1 + equality).length;
  return [
    method,
    asCount(answered.length, cells.length),
    String(best),
    asRatio(median(answered.map(excess))),
    asRatio(excess(worst)),
    excess(worst) <= 1 + equality ? "" : describeCell(worst),
    String(wins),
    reasons[0] ?? "",
  ];
}

/** Best single tier ÷ method. */
export function gainOf(cell: TierCell, method: string): number {
  return cell.bestSingle / (cell.outcomes[method]?.latencySeconds ?? Number.NaN);
}

/** Seconds of D3's own networks on each link set. */
export function latencyTable(cells: readonly TierCell[], methods: readonly string[]): StudyTable {
  return figureTable(
    cells,
    methods,
    "Latency in milliseconds of D3's networks, float32 input",
    ({ input }) => input === "float32",
    ({ latencySeconds }) => String(Number((latencySeconds * 1e3).toPrecision(4))),
  );
}

/** Bytes to and from the cloud, where somebody sends some. */
export function backboneTable(cells: readonly TierCell[], methods: readonly string[]): StudyTable {
  const shown = methods.filter((method) => method !== "device" && method !== "edge");
  return figureTable(
    cells,
    shown,
    "kB on the links to the cloud for one request of D3's networks, where anybody but `cloud` sends some",
    ({ outcomes }) =>
      shown.some((method) => method !== "cloud" && (outcomes[method]?.backboneBytes ?? 0) > 0),
    ({ backboneBytes }) => String(Number((backboneBytes / 1e3).toPrecision(4))),
  );
}

function figureTable(
  cells: readonly TierCell[],
  methods: readonly string[],
  title: string,
  counts: (cell: TierCell) => boolean,
  figure: (outcome: Outcome) => string,
): StudyTable {
  const own = cells.filter((cell) => d3Networks.includes(cell.network) && counts(cell));
  return {
    title,
    columns: [
      { head: "network" },
      { head: "links, input" },
      ...methods.map((head) => ({ head, align: "right" as const })),
    ],
    rows: own.map(({ network, links, input, outcomes }) => [
      network,
      `${links}, ${input}`,
      ...methods.map((method) => {
        const outcome = outcomes[method];
        return outcome === undefined ? "–" : figure(outcome);
      }),
    ]),
  };
}

/** For each network and input, each method's worst link set. */
export function worstTable(
  cells: readonly TierCell[],
  { networks, inputs }: TierGrid,
  methods: readonly string[],
): StudyTable {
  const shown = [
    bestSingleName,
    ...methods.filter((name) => !["device", "edge", "cloud"].includes(name)),
  ];
  return {
    title:
      "Latency ÷ that of the best known plan, each at its worst link set; tiers of that plan on Wi-Fi",
    columns: [
      { head: "network" },
      { head: "input" },
      { head: "best plan" },
      ...shown.map((head) => ({ head, align: "right" as const })),
    ],
    rows: networks.flatMap((network) =>
      inputs.flatMap((input) => {
        const own = cells.filter((cell) => cell.network === network && cell.input === input);
        if (own.length === 0) return [];
        const tiers = own[0]?.outcomes["exact"]?.tiers ?? [];
        const worst = shown.map((method) => inWords(worstOf(own, method)));
        return [[network, input, tiers.join(", "), ...worst]];
      }),
    ),
  };
}

function worstOf(cells: readonly TierCell[], method: string): number | null {
  const found = cells.flatMap((cell) => excessOf(cell, method) ?? []);
  return found.length === 0 ? null : Math.max(...found);
}

function inWords(ratio: number | null): string {
  if (ratio === null) return "–";
  return ratio <= 1 + equality ? "1" : ratio.toFixed(2);
}

/** How far from the best each method is, at its worst link set. */
export function excessMap(
  cells: readonly TierCell[],
  { networks, inputs }: TierGrid,
  methods: readonly string[],
): StudyChart {
  const left = ["device", "edge", "cloud", "exact", "auto"];
  const shown = [bestSingleName, ...methods.filter((name) => !left.includes(name))];
  const worst = (network: ZooName, input: string, method: string): number | null =>
    worstOf(
      cells.filter((cell) => cell.network === network && cell.input === input),
      method,
    );
  return {
    suffix: "",
    caption: "Latency ÷ that of the best plan, each method at its worst link set",
    spec: heatMap({
      title: "Three tiers: how far from the best plan",
      subtitle:
        "latency ÷ exact at the worst of Wi-Fi, 4G, 5G and optical; 1.00 is the best plan; d–e: device and edge only, e–c: edge and cloud only",
      panels: { columns: 1 },
      cells: inputs.flatMap((input) =>
        networks.flatMap((network) =>
          shown.map((method) => {
            const value = worst(network, input, method);
            const text = value === null ? "" : value.toFixed(value < 9.95 ? 2 : 0);
            return { x: short(method), y: network, value, text, panel: `${input} input` };
          }),
        ),
      ),
      xTitle: "",
      yTitle: "",
      colour: { title: "ratio", domain: [1, 10], scale: "log" },
      namesEveryColumn: true,
      cell: { width: 92, height: 17 },
    }),
  };
}

/** A pair of tiers by its letters, so that names fit below their columns. */
function short(method: string): string {
  return method
    .replace("neurosurgeon", "neuro")
    .replace("device–edge", "d–e")
    .replace("edge–cloud", "e–c");
}

/** How many cells have nothing to gain, in a sentence. */
export function gainInWords(cells: readonly TierCell[]): string {
  const gains = cells.map((cell) => cell.bestSingle / bestOf(cell));
  const none = gains.filter((gain) => gain < 1.01).length;
  const top = largest(cells, (cell) => cell.bestSingle / bestOf(cell));
  const most =
    top === null ? "" : `, at most ${asRatio(top.bestSingle / bestOf(top))} (${describeCell(top)})`;
  return `Splitting over the tiers gains less than ${asPercent(0.01)} over the best single tier in ${asCount(none, cells.length)} cells; median ${asRatio(median(gains))}${most}.`;
}
