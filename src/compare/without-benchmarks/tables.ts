import type { Profile } from "../../cost/profile.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import { median } from "../statistics.ts";
import type { StudyTable } from "../study.ts";
import { bestKnown, bestSingle, type Cell, methods, type Outcome } from "./cell.ts";
import { benchmarkedAt, deviceSpeed, scarcities } from "./setting.ts";

type Columns = StudyTable["columns"];

/** Method ÷ reference − 1 in seconds, with its cell. */
export interface Regret {
  readonly cell: Cell;
  readonly value: number;
}

/** Of cells in which both have a plan that breaks no budget. */
export function regretsOf(cells: readonly Cell[], method: string, reference: string): Regret[] {
  return cells.flatMap((cell) => {
    const [own, other] = [outcomeOf(cell, method), outcomeOf(cell, reference)];
    if (own === null || other === null) return [];
    if (own.breaks !== null || other.breaks !== null) return [];
    return [{ cell, value: own.latencySeconds / other.latencySeconds - 1 }];
  });
}

/** What a method has in a cell; `null` without a plan. `best single` and `best known` are derived. */
export function outcomeOf(cell: Cell, method: string): Outcome | null {
  if (method === "best known") return bestKnown(cell);
  return method === "best single" ? bestSingle(cell) : (cell.outcomes[method] ?? null);
}

const shownNames: Readonly<Record<string, string>> = {
  unchecked: "resource-aware, by its estimates alone",
  stale: "benchmarked, stale",
  true: "benchmarked, true",
};

/** How often each way to decide breaks a budget. */
export function budgetTable(cells: readonly Cell[], guests: readonly string[]): StudyTable {
  const rows = [...methods, ...guests].map((method) => [
    shownNames[method] ?? method,
    ...[...scarcities.map((scarcity) => where(cells, { scarcity })), cells].map((among) => {
      const found = among.map((cell) => outcomeOf(cell, method));
      const broken = found.filter((outcome) => outcome !== null && outcome.breaks !== null).length;
      const without = found.filter((outcome) => outcome === null).length;
      return `${broken} of ${among.length - without}${without === 0 ? "" : `, no plan ${without}`}`;
    }),
    mostGiven(cells.flatMap(({ refused }) => refused[method] ?? [])),
  ]);
  return {
    title:
      "Budgets broken: storage, memory and energy (`exact` knows memory and energy only), and where there is no plan",
    columns: [
      { head: "decided by" },
      ...rightHeads([...scarcities, "all"]),
      { head: "no plan most, for instance because" },
    ],
    rows,
  };
}

/** An example of the most frequent kind of reason; reasons that differ in figures alone are of one kind. */
function mostGiven(reasons: readonly string[]): string {
  const groups = new Map<string, string[]>();
  for (const reason of reasons) {
    const kind = reason.replaceAll(/[\d.]+|'[^']*'/g, "");
    groups.set(kind, [...(groups.get(kind) ?? []), reason]);
  }
  const [most] = [...groups.values()].sort((a, b) => b.length - a.length);
  return most?.[0] ?? "";
}

/** What deciding without a benchmark costs, by what is scarce. */
export function regretTable(cells: readonly Cell[], guests: readonly string[]): StudyTable {
  const planners = ["resource-aware", "resource-aware-weighted", ...guests];
  const rows = planners.flatMap((method) =>
    scarcities.map((scarcity) => {
      const among = where(cells, { scarcity });
      return [
        method,
        scarcity,
        chosenResources(among, method),
        ...["within budgets", "exact"].flatMap((reference) =>
          summary(regretsOf(among, method, reference)),
        ),
        percent(median(regretsOf(among, method, "best single").map(({ value }) => value))),
      ];
    }),
  );
  return {
    title:
      "Regret of zero benchmarking, of plans that keep the budgets: seconds above the best benchmarked cut within them, above `exact` where that keeps them, and against the best single device that does",
    columns: [
      { head: "planner" },
      { head: "scarce" },
      { head: "cut by (cells)" },
      ...rightHeads([
        "cut: median",
        "at most 10 %",
        "worst",
        "exact: median",
        "at most 10 %",
        "worst",
      ]),
      { head: "best single: median", align: "right" },
    ],
    rows,
  };
}

function summary(regrets: readonly Regret[]): string[] {
  const values = regrets.map(({ value }) => value);
  const few = values.filter((value) => value <= 0.1).length;
  return [
    percent(median(values)),
    values.length === 0 ? "–" : `${few} of ${values.length}`,
    percent(Math.max(...values)),
  ];
}

function chosenResources(cells: readonly Cell[], method: string): string {
  const counts = new Map<string, number>();
  for (const cell of cells) {
    const by = /^cut by (\w+), the scarce/.exec(outcomeOf(cell, method)?.decidedBy ?? "")?.[1];
    if (by !== undefined) counts.set(by, (counts.get(by) ?? 0) + 1);
  }
  return [...counts].map(([resource, count]) => `${resource} ${count}`).join(", ");
}

/** By network: what no benchmark costs, and what a benchmark would. */
export function networkTable(
  cells: readonly Cell[],
  profileOf: (network: ZooName) => Profile,
): StudyTable {
  const rows = [...new Set(cells.map(({ network }) => network))].map((network) => {
    const among = where(cells, { network });
    const regrets = regretsOf(among, "resource-aware", "within budgets").map(({ value }) => value);
    const weighted = regretsOf(among, "resource-aware-weighted", "within budgets");
    const profile = profileOf(network);
    const [kind] = Object.values(profile.devices);
    const pass = (kind?.nodeSeconds ?? []).reduce((sum: number, value) => sum + (value ?? 0), 0);
    return [
      network,
      percent(median(regrets)),
      percent(Math.max(...regrets)),
      percent(median(weighted.map(({ value }) => value))),
      String(profile.graph.nodes.length),
      (pass / deviceSpeed("bandwidth")).toFixed(2),
    ];
  });
  return {
    title:
      "By network: regret to the best benchmarked cut within budgets, and what is not benchmarked (one pass: each node run once on the device of speed 0.05; a benchmark repeats it)",
    columns: [
      { head: "network" },
      ...rightHeads([
        "median",
        "worst",
        "weighted: median",
        "nodes not timed",
        "seconds of one pass not spent",
      ]),
    ],
    rows,
  };
}

/** 1 − own ÷ stale, of seconds or bytes; 0 if both are 0, `null` if only the stale one is. */
export function savingOf(
  cell: Cell,
  method: string,
  figure: "latencySeconds" | "linkBytes",
): number | null {
  const own = outcomeOf(cell, method)?.[figure];
  const stale = outcomeOf(cell, "stale")?.[figure];
  if (own === undefined || stale === undefined) return null;
  if (stale === 0) return own === 0 ? 0 : null;
  return 1 - own / stale;
}

/** What deciding again saves, on the device that lacks nothing but bandwidth: by network, then on average by others. */
export function savingTable(
  cells: readonly Cell[],
  figure: "latencySeconds" | "linkBytes",
  guests: readonly string[],
): StudyTable {
  const among = where(cells, { scarcity: "bandwidth" });
  const rates = [...new Set(among.map(({ megabits }) => megabits))];
  const names = [...new Set(among.map(({ network }) => network))];
  const rows = names.map((network) => [
    network,
    ...rates.map((rate) => {
      const [cell] = where(among, { network, megabits: rate });
      return cell === undefined ? "–" : percent(savingOf(cell, "resource-aware", figure));
    }),
  ]);
  const means = ["resource-aware", "resource-aware-weighted", "true", "device-only", ...guests].map(
    (method) => [
      `mean: ${shownNames[method] ?? method}`,
      ...rates.map((megabits) => {
        const saved = where(among, { megabits }).flatMap(
          (cell) => savingOf(cell, method, figure) ?? [],
        );
        return percent(saved.length === 0 ? null : mean(saved));
      }),
    ],
  );
  const what = figure === "latencySeconds" ? "Latency" : "Bytes on the link";
  return {
    title: `${what} saved against the best cut benchmarked at ${benchmarkedAt} Mbit/s and kept, on the device with little bandwidth, by Mbit/s: \`resource-aware\` by network, then means over networks (negative: lost; –: no plan, or the kept cut sends nothing)`,
    columns: [{ head: "network" }, ...rightHeads(rates.map(String))],
    rows: [...rows, ...means],
  };
}

export function where(cells: readonly Cell[], like: Partial<Cell>): Cell[] {
  const wanted = Object.entries(like) as [keyof Cell, unknown][];
  return cells.filter((cell) => wanted.every(([key, value]) => cell[key] === value));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `–` for nothing. */
export function percent(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const rounded = (100 * value).toFixed(Math.abs(value) < 0.0995 ? 1 : 0);
  return `${/^-?0(\.0)?$/.test(rounded) ? "0" : rounded} %`;
}

function rightHeads(heads: readonly string[]): Columns {
  return heads.map((head) => ({ head, align: "right" as const }));
}
