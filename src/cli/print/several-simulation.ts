/**
 * A simulation of several models as people read it, and as programs do.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import type { ModelTogether, Together } from "../../plan/several/together.ts";
import { quantiles } from "../../sim/quantiles.ts";
import type { SeveralOptions, SeveralSimulation, SimulatedRequests } from "../../sim/several.ts";
import type { Terminal } from "../terminal.ts";
import { barOf, nameOfServer } from "./simulation.ts";
import { formatFacts, formatTable } from "./table.ts";

/** What was simulated, next to what came of it. */
export interface SeveralReport extends SeveralOptions {
  readonly simulation: SeveralSimulation;
  /** What the plans cost together, by the reservations of their models. */
  readonly together: Together;
  readonly topology: Topology;
  readonly seed: number;
}

type Server = SeveralSimulation["servers"][number];

/** The report as one JSON document. */
export function severalSimulationDocument(report: SeveralReport): object {
  const { simulation, together, seed, seconds, warmUpSeconds } = report;
  return {
    arrivals: { type: "poisson", seed },
    measured: { startSeconds: warmUpSeconds, endSeconds: seconds },
    models: together.models.map((model, position) => {
      const requests = simulation.models[position] as SimulatedRequests;
      return {
        name: model.name,
        requestsPerSecond: model.requestsPerSecond,
        requests: { sent: requests.sent, measured: requests.latencySeconds.length },
        latencySeconds: latenciesOf(requests),
        reserved: { latencySeconds: model.latencySeconds, periodSeconds: model.periodSeconds },
      };
    }),
    servers: simulation.servers.map(({ where, share }) => ({
      ...where,
      busyShare: share,
      reservedShare: reservedShare(report, where),
    })),
  };
}

/** All sections, joined. */
export function formatSeveralSimulation(report: SeveralReport, terminal: Terminal): string {
  const { bold } = terminal.colours;
  const { simulation, together, seed, seconds, warmUpSeconds } = report;
  const sent = simulation.models.reduce((sum, model) => sum + model.sent, 0);
  const facts = [
    ["arrivals", `each model at its rate, independent of one another (Poisson, seed ${seed})`],
    [
      "measured",
      `what came from ${formatQuantity(warmUpSeconds, "s", 4)} to ${formatQuantity(seconds, "s", 4)}`,
    ],
    ["reserved", "the latency by the parts of devices and links that the others take"],
  ] as const;
  const used = simulation.servers.filter(({ share }) => share > 0);
  return [
    `${bold(`All ${sent} requests were answered.`)}\n${formatFacts(facts, terminal)}`,
    `${bold("Models")}\n${formatModels(together.models, simulation, terminal)}`,
    `${bold("Devices and links")}\n${formatServers(used, report, terminal)}`,
  ].join("\n\n");
}

function latenciesOf({ latencySeconds }: SimulatedRequests) {
  const [p50, p90, p99, max] = quantiles(latencySeconds, [0.5, 0.9, 0.99, 1]);
  const { length } = latencySeconds;
  const sum = latencySeconds.reduce((total, latency) => total + latency, 0);
  return { mean: length === 0 ? null : sum / length, p50, p90, p99, max };
}

function formatModels(
  models: readonly ModelTogether[],
  simulation: SeveralSimulation,
  terminal: Terminal,
): string {
  const time = (seconds: number | null | undefined): string =>
    seconds === null || seconds === undefined ? "none" : formatQuantity(seconds, "s", 4);
  const rows = models.map(({ name, requestsPerSecond, latencySeconds }, position) => {
    const found = latenciesOf(simulation.models[position] as SimulatedRequests);
    return [
      name,
      `${Number(requestsPerSecond.toPrecision(4))} /s`,
      time(latencySeconds),
      time(found.mean),
      found.mean === null ? "" : formatDifference(found.mean, latencySeconds),
      ...[found.p50, found.p90, found.p99].map(time),
    ];
  });
  const heads = ["name", "rate", "reserved", "mean", "off by", "p50", "p90", "p99"];
  const columns = heads.map((head, position) =>
    position === 0 ? { head } : ({ head, align: "right" } as const),
  );
  return formatTable(columns, rows, terminal);
}

/** How much longer than reserved. */
function formatDifference(simulated: number, reserved: number): string {
  if (reserved === 0) return "";
  const percent = Number((100 * (simulated / reserved - 1)).toPrecision(2));
  return `${percent > 0 ? "+" : ""}${percent} %`;
}

function formatServers(
  servers: readonly Server[],
  report: SeveralReport,
  terminal: Terminal,
): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const rows = servers.map(({ where, share }) => [
    nameOfServer(where),
    percent(share),
    barOf(share),
    percent(reservedShare(report, where)),
  ]);
  const columns = [
    { head: "name" },
    { head: "busy", align: "right" },
    { head: "" },
    { head: "reserved", align: "right" },
  ] as const;
  return formatTable(columns, rows, terminal);
}

/** The part of its time that the models reserve of a device, a link, or a medium as a whole. */
function reservedShare({ together, topology }: SeveralReport, where: Server["where"]): number {
  const { devices, links } = together.taken;
  if ("device" in where) {
    return Object.hasOwn(devices, where.device) ? (devices[where.device]?.utilisation ?? 0) : 0;
  }
  const [from, to] =
    "link" in where
      ? where.link
      : endsOf(topology.links.find(({ medium }) => medium === where.medium));
  return links.find((link) => link.from === from && link.to === to)?.utilisation ?? 0;
}

function endsOf(link: Topology["links"][number] | undefined): readonly [string, string] {
  return [link?.from ?? "", link?.to ?? ""];
}
