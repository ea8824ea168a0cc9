import { formatQuantity } from "../../base/units.ts";
import { adaptedStates } from "../../plan/uncertain/search.ts";
import type { Uncertainty } from "../../plan/uncertainty.ts";
import type { Terminal } from "../terminal.ts";
import { formatPercent } from "./percent.ts";
import { formatFacts, formatTable } from "./table.ts";

/** Plans that differ by less are alike to people. */
const noticeable = 1e-3;

/** How a plan fares over the states that it was made for, and others beside it. */
export function formatUncertainty(
  uncertainty: Uncertainty,
  objective: string,
  terminal: Terminal,
): string {
  const { judge, states, quantiles, mean, worst } = uncertainty;
  const unit = objective === "energy" ? "J" : "s";
  const show = (value: number): string => formatQuantity(value, unit, 4);
  const { bold } = terminal.colours;
  const spread = Object.entries(quantiles)
    .filter(([name]) => name !== judge || judge.startsWith("p"))
    .map(([name, value]): [string, string] => [name, show(value)]);
  const facts: [string, string][] = [
    ["mean", show(mean)],
    ...spread,
    ["worst", show(worst)],
    ["proof", proofOf(uncertainty, show)],
  ];
  const title = bold(
    `The ${nameOf(judge)} ${objective} of this plan, kept in ${states === 1 ? "one state" : `${states} states`} of the world`,
  );
  return [
    `${title}\n${formatFacts(facts, terminal)}`,
    `${bold("Against other plans")}\n${comparison(uncertainty, show, terminal)}${warning(uncertainty, show)}`,
  ].join("\n\n");
}

function nameOf(judge: string): string {
  return judge === "mean" ? "mean" : `${judge.slice(1)} % quantile of the`;
}

function proofOf({ bound, gap, judge }: Uncertainty, show: (value: number) => string): string {
  if (bound === null || gap === null) return "none: no bound is known";
  if (gap === 0) return `no placement that is kept has a smaller ${judge} (gap 0)`;
  return `no placement that is kept has a ${judge} below ${show(bound)}: the best is at most ${formatPercent(gap)} below this one (gap)`;
}

const names: Readonly<Record<string, string>> = {
  stated: "planned for the topology as stated",
  meanBandwidth: "planned for the mean bandwidth",
  adapting: "planned anew in every state, routes too",
};

function comparison(
  { judge, value, mean, compared, states }: Uncertainty,
  show: (value: number) => string,
  terminal: Terminal,
): string {
  const isMean = judge === "mean";
  const row = (name: string, figures: { mean: number; judged: number }): string[] => [
    name,
    show(figures.mean),
    ...(isMean ? [] : [show(figures.judged)]),
    `${(figures.judged / value).toFixed(2)} x`,
  ];
  const estimated = states > adaptedStates ? ` (estimated from ${adaptedStates})` : "";
  const rows = [
    ...Object.entries(compared).map(([name, figures]) =>
      row(`${names[name] ?? name}${name === "adapting" ? estimated : ""}`, figures),
    ),
    row("this plan", { mean, judged: value }),
  ];
  const columns = [
    { head: "plan" },
    { head: "mean", align: "right" as const },
    ...(isMean ? [] : [{ head: judge, align: "right" as const }]),
    { head: "against this plan", align: "right" as const },
  ];
  return formatTable(columns, rows, terminal);
}

/** The classic mistake, where it is one here. */
function warning({ compared, mean }: Uncertainty, show: (value: number) => string): string {
  const trapped = compared["meanBandwidth"];
  if (trapped?.promised === undefined) return "";
  const isOptimistic = trapped.mean > trapped.promised * (1 + noticeable);
  if (!isOptimistic) return "";
  const worse =
    trapped.mean > mean * (1 + noticeable)
      ? `, ${formatPercent(trapped.mean / mean - 1)} more than this plan`
      : "";
  return `\n  Beware of planning with the mean bandwidth: it promises ${show(trapped.promised)}, but that plan's mean is ${show(trapped.mean)}${worse}.\n  Time goes with 1 ÷ bandwidth, so that slow states cost more than fast ones save.`;
}
