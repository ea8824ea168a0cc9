/**
 * How a cluster stands and what happens in it, as people read it.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type {
  ClusterEvent,
  ClusterStatus,
  DeviceStatusReport,
  GenerationStatus,
  LinkStatus,
  RequestStatus,
} from "../../cluster/status.ts";
import { contradicts } from "../../cost/relative-speed.ts";
import type { Terminal } from "../terminal.ts";
import { formatFacts, formatTable } from "./table.ts";

/** A device is called silent beyond so many heartbeats. */
const silentBeyondBeats = 2;

/** All tables of a status, joined. */
export function formatStatus(status: ClusterStatus, terminal: Terminal): string {
  const { bold } = terminal.colours;
  const emulated = status.emulated ? " (speeds and links emulated)" : "";
  const sections = [
    `${bold(`${status.model}: ${describePhase(status)}${emulated}`)}\n${formatFacts(figures(status), terminal)}`,
    `${bold("Devices")}\n${devices(status, terminal)}`,
    ...(status.generations.length === 0
      ? []
      : [`${bold("Generations")}\n${generations(status, terminal)}`]),
    ...(stagesOf(status).length === 0 ? [] : [`${bold("Stages")}\n${stages(status, terminal)}`]),
    ...(status.links.length === 0 ? [] : [`${bold("Links")}\n${links(status, terminal)}`]),
  ];
  return sections.join("\n\n");
}

/** What has happened, in a line. */
export function describeEvent(event: ClusterEvent): string {
  switch (event.type) {
    case "joined":
      return `${event.device} joined from ${event.address}`;
    case "left":
      return `${event.device} is lost: ${event.why}`;
    case "linkDown":
      return `the link between ${event.from} and ${event.to} is down`;
    case "linkUp":
      return `the link between ${event.from} and ${event.to} stands again`;
    case "sending":
      return `${event.device} is sent ${formatQuantity(event.bytes, "B")}`;
    case "preparing":
      return `generation ${event.generation} is prepared: ${event.cause}`;
    case "serving":
      return `generation ${event.generation} serves: ${event.cause}`;
    case "drained":
      return `generation ${event.generation} has answered all its requests`;
    case "retired":
      return `generation ${event.generation} is released`;
    case "suspended":
      return `no request can be answered: ${event.error.message}`;
    case "noPlan":
      return `no plan fits: ${event.why}`;
    case "unsaved":
      return `the coordinator could not be restarted now: ${event.error.message}`;
    case "drift":
      return describeDrift(event);
    case "ended":
      return event.error === null ? "ended" : `ended: ${event.error.message}`;
    default:
      return event satisfies never;
  }
}

function describeDrift({ what, gain, taken }: Extract<ClusterEvent, { type: "drift" }>): string {
  if (gain <= 0) return what;
  const then = taken ? "goes over to it" : "stays, a change does not pay yet";
  return `${what} (${Math.round(100 * gain)} % better): ${then}`;
}

function describePhase({ phase, why, serving }: ClusterStatus): string {
  const reason = why === null ? "" : ` (${why})`;
  return phase === "serving" ? `serving generation ${serving}` : `${phase}${reason}`;
}

function figures(status: ClusterStatus): [string, string][] {
  const { requests, heartbeatSeconds, missedHeartbeats, fallbacks } = status;
  const { answered, failed, replayed, inFlight, waiting, latencySeconds, perSecond } = requests;
  const rate = perSecond === null ? "" : `, ${Number(perSecond.toPrecision(3))} /s`;
  const latency =
    latencySeconds === null ? "" : `, latency ${formatQuantity(latencySeconds, "s")}${rate}`;
  return [
    ["up", formatQuantity(status.upSeconds, "s")],
    [
      "requests",
      `${answered} answered, ${failed} failed, ${replayed} replayed, ${inFlight} in flight, ${waiting} waiting${latency}`,
    ],
    ...describeJoining(servingOf(status)?.batch ?? null, requests),
    [
      "faults",
      `${status.faults} seen, ${status.failovers} failovers, ${status.switches} changes of plan`,
    ],
    [
      "lost after",
      `${missedHeartbeats} heartbeats of ${formatQuantity(heartbeatSeconds, "s")} missed`,
    ],
    [
      "prepared for",
      fallbacks.length === 0 ? "no loss yet" : `the loss of ${fallbacks.join(", ")}`,
    ],
  ];
}

function devices(status: ClusterStatus, terminal: Terminal): string {
  return formatTable(
    [
      { head: "device" },
      { head: "state" },
      { head: "role" },
      { head: "requests (peak)", align: "right" },
      { head: "holds", align: "right" },
      { head: "memory", align: "right" },
      { head: "cores", align: "right" },
      { head: "note" },
    ],
    status.devices.map((device) => [
      device.device,
      device.state,
      device.role ?? "",
      device.state === "away" ? "" : `${device.requests} (${device.peakRequests})`,
      device.state === "away" ? "" : formatQuantity(device.heldBytes, "B"),
      device.memoryBytes === null ? "" : formatQuantity(device.memoryBytes, "B"),
      device.cores ?? "",
      note(device, status),
    ]),
    terminal,
  );
}

function note(device: DeviceStatusReport, { heartbeatSeconds, emulated }: ClusterStatus): string {
  const { why, state, silentSeconds, statedSpeed, measuredSpeed } = device;
  if (why !== null) return why;
  const isSilent =
    state !== "away" &&
    silentSeconds !== null &&
    silentSeconds > silentBeyondBeats * heartbeatSeconds;
  if (isSilent) return `silent for ${formatQuantity(silentSeconds, "s")}`;
  if (emulated || measuredSpeed === null || !contradicts(statedSpeed, measuredSpeed)) return "";
  return `speed ${Number(measuredSpeed.toPrecision(2))} by the benchmark, ${statedSpeed} stated`;
}

function generations(status: ClusterStatus, terminal: Terminal): string {
  return formatTable(
    [
      { head: "generation", align: "right" },
      { head: "state" },
      { head: "planner" },
      { head: "predicted latency", align: "right" },
      { head: "predicted rate", align: "right" },
      { head: "because" },
    ],
    status.generations.map((generation) => [
      generation.generation,
      generation.state,
      generation.planner,
      formatQuantity(generation.predictedLatencySeconds, "s"),
      formatRate(generation),
      generation.cause,
    ]),
    terminal,
  );
}

/** Of single requests. */
function formatRate({ predictedPeriodSeconds: period, batch }: GenerationStatus): string {
  return period > 0 ? `${Number(((batch?.most ?? 1) / period).toPrecision(3))} /s` : "";
}

function describeJoining(
  batch: GenerationStatus["batch"],
  { requestsPerPass }: RequestStatus,
): [string, string][] {
  if (batch === null) return [];
  const wait =
    batch.waitSeconds > 0 ? `, each waits up to ${formatQuantity(batch.waitSeconds, "s")}` : "";
  const mean =
    requestsPerPass === null ? "" : `, ${Number(requestsPerPass.toPrecision(3))} in the mean`;
  return [["joined", `up to ${batch.most} requests go as one${wait}${mean}`]];
}

function servingOf({ generations, serving }: ClusterStatus): GenerationStatus | undefined {
  return generations.find(({ generation }) => generation === serving);
}

function stagesOf(status: ClusterStatus): GenerationStatus["stages"] {
  return servingOf(status)?.stages ?? [];
}

function stages(status: ClusterStatus, terminal: Terminal): string {
  return formatTable(
    [
      { head: "stage" },
      { head: "device" },
      { head: "nodes", align: "right" },
      { head: "predicted", align: "right" },
      { head: "measured", align: "right" },
      { head: "difference", align: "right" },
    ],
    stagesOf(status).map(({ stage, device, nodes, predictedSeconds, measuredSeconds }) => [
      stage,
      device,
      nodes,
      formatQuantity(predictedSeconds, "s"),
      measuredSeconds === null ? "" : formatQuantity(measuredSeconds, "s"),
      difference(predictedSeconds, measuredSeconds),
    ]),
    terminal,
  );
}

function links(status: ClusterStatus, terminal: Terminal): string {
  return formatTable(
    [
      { head: "link" },
      { head: "state" },
      { head: "stated", align: "right" },
      { head: "measured", align: "right" },
      { head: "difference", align: "right" },
      { head: "each request" },
    ],
    status.links.map((link) => [
      `${link.from} → ${link.to}`,
      describeLink(link),
      formatQuantity(link.statedBitsPerSecond, "bit/s"),
      link.measuredBitsPerSecond === null
        ? ""
        : formatQuantity(link.measuredBitsPerSecond, "bit/s"),
      difference(link.statedBitsPerSecond, link.measuredBitsPerSecond),
      describeHop(link, servingOf(status)?.hops ?? []),
    ]),
    terminal,
  );
}

/** What the plan sends over a link. */
function describeHop({ from, to }: LinkStatus, hops: GenerationStatus["hops"]): string {
  const hop = hops.find((other) => other.from === from && other.to === to);
  if (hop === undefined) return "";
  return `${formatQuantity(hop.bytes, "B")}, predicted ${formatQuantity(hop.predictedSeconds, "s")}`;
}

function describeLink({ state, tunnelled }: LinkStatus): string {
  return tunnelled ? `${state}, through the coordinator` : state;
}

function difference(predicted: number, measured: number | null): string {
  if (measured === null || predicted <= 0) return "";
  return formatGain(measured / predicted - 1);
}

function formatGain(share: number): string {
  const percent = Math.round(100 * share);
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent)} %`;
}
