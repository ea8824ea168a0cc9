/**
 * Several models on the same devices as people read them, and as programs do.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Reservation } from "../../plan/reservation.ts";
import type { SeveralPlans, TriedOrder } from "../../plan/several.ts";
import type { Terminal } from "../terminal.ts";
import { formatGuarantee } from "./plan.ts";
import { barOf } from "./simulation.ts";
import { formatFacts, formatTable } from "./table.ts";

/** All of it as one JSON document. */
export function severalDocument({ models, together, order, tried }: SeveralPlans): object {
  return {
    meanLatencySeconds: together.meanLatencySeconds,
    order,
    tried,
    models: together.models.map((model, position) => ({
      ...model,
      plan: models[position]?.plan,
    })),
    taken: together.taken,
  };
}

/** All sections, joined. */
export function formatSeveral(plans: SeveralPlans, topology: Topology, terminal: Terminal): string {
  const { bold } = terminal.colours;
  const { taken } = plans.together;
  const sections = [
    `${bold(formatOutcome(plans))}\n${formatFacts(facts(plans), terminal)}`,
    `${bold("Models")}\n${formatModels(plans, terminal)}`,
    `${bold("Devices")}\n${formatDevices(taken, topology, terminal)}`,
    ...(taken.links.length === 0 ? [] : [`${bold("Links")}\n${formatLinks(taken, terminal)}`]),
    ...(plans.tried.length < 2 ? [] : [`${bold("Orders")}\n${formatOrders(plans, terminal)}`]),
  ];
  return sections.join("\n\n");
}

function formatOutcome({ models, together }: SeveralPlans): string {
  const mean = formatQuantity(together.meanLatencySeconds, "s", 4);
  if (models.length === 1) return `The model finds a place; a request takes ${mean}.`;
  return `All ${models.length} models find a place; a request takes ${mean} in the mean.`;
}

function facts({ models, order, tried }: SeveralPlans): [string, string][] {
  if (models.length === 1) return [];
  const chosen =
    tried.length === 1
      ? "by falling load, the only order tried"
      : `the best of ${tried.length} orders tried`;
  return [
    ["placed in order", `${order.join(", ")} (${chosen})`],
    ["latency", "of each beside all others, whose part of devices and links is taken off"],
    ["at most", "the rate that a model could go up to, the others' as they are"],
  ];
}

function formatModels({ models, together }: SeveralPlans, terminal: Terminal): string {
  const rows = together.models.map(
    ({ name, requestsPerSecond, latencySeconds, periodSeconds }, position) => {
      const plan = models[position]?.plan as Plan;
      return [
        name,
        `${formatNumber(requestsPerSecond)} /s`,
        formatQuantity(latencySeconds, "s", 4),
        periodSeconds === 0 ? "any" : `${formatNumber(1 / periodSeconds)} /s`,
        formatStages(plan),
        formatGuarantee(plan),
      ];
    },
  );
  const columns = [
    { head: "name" },
    { head: "rate", align: "right" },
    { head: "latency", align: "right" },
    { head: "at most", align: "right" },
    { head: "stages (nodes)" },
    { head: "in what it found" },
  ] as const;
  return formatTable(columns, rows, terminal);
}

function formatStages({ stages }: Plan): string {
  return stages.map(({ devices, nodes }) => `${devices.join("+")} (${nodes.length})`).join(" → ");
}

function formatDevices({ devices }: Reservation, topology: Topology, terminal: Terminal): string {
  const rows = topology.devices.map(({ name, memoryBytes }) => {
    const taken = Object.hasOwn(devices, name) ? devices[name] : undefined;
    const utilisation = taken?.utilisation ?? 0;
    const used = formatQuantity(taken?.memoryBytes ?? 0, "B", 4);
    return [
      name,
      formatShare(utilisation),
      barOf(utilisation),
      memoryBytes === null ? used : `${used} of ${formatQuantity(memoryBytes, "B", 4)}`,
    ];
  });
  const columns = [
    { head: "name" },
    { head: "busy", align: "right" },
    { head: "" },
    { head: "memory", align: "right" },
  ] as const;
  return formatTable(columns, rows, terminal);
}

function formatLinks({ links }: Reservation, terminal: Terminal): string {
  const rows = links.map(({ from, to, utilisation }) => [
    `${from} → ${to}`,
    formatShare(utilisation),
    barOf(utilisation),
  ]);
  const columns = [{ head: "name" }, { head: "busy", align: "right" }, { head: "" }] as const;
  return formatTable(columns, rows, terminal);
}

function formatOrders({ tried }: SeveralPlans, terminal: Terminal): string {
  const rows = tried.map((each) => [each.order.join(", "), formatTried(each)]);
  return formatTable([{ head: "order" }, { head: "mean latency" }], rows, terminal);
}

function formatTried(tried: TriedOrder): string {
  if ("meanLatencySeconds" in tried) return formatQuantity(tried.meanLatencySeconds, "s", 4);
  return `none: ${tried.reason}`;
}

function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
