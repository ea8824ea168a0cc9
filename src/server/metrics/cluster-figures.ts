/**
 * What the status of a cluster says in figures, each under the name that it has for Prometheus.
 *
 * @module
 */
import type {
  ClusterPhase,
  ClusterStatus,
  GenerationStatus,
  HopStatus,
  StageStatus,
} from "../../cluster/status.ts";

/** A figure as it is now; `null`: it is not known, and not told. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | null;
}

export interface ClusterFigure {
  readonly name: string;
  readonly help: string;
  /** A counter's readings never fall while the coordinator lives. */
  readonly type: "counter" | "gauge";
  /** Apart from `model`. */
  readonly labels: readonly string[];
  readonly read: (status: ClusterStatus) => readonly Reading[];
}

const phases: readonly ClusterPhase[] = ["waiting", "serving", "suspended", "ended"];
const bitsPerByte = 8;

/** Of a cluster as a whole. */
function whole(
  type: ClusterFigure["type"],
  name: string,
  help: string,
  value: (status: ClusterStatus) => number | null,
): ClusterFigure {
  return { name, help, type, labels: [], read: (status) => [{ labels: {}, value: value(status) }] };
}

function ofDevices(
  name: string,
  help: string,
  value: (device: ClusterStatus["devices"][number]) => number | null,
): ClusterFigure {
  return {
    ...{ name, help, type: "gauge", labels: ["device"] },
    read: ({ devices }) =>
      devices.map((device) => ({ labels: { device: device.device }, value: value(device) })),
  };
}

function ofLinks(
  name: string,
  help: string,
  value: (link: ClusterStatus["links"][number]) => number | null,
): ClusterFigure {
  return {
    ...{ name, help, type: "gauge", labels: ["from", "to"] },
    read: ({ links }) =>
      links.map((link) => ({ labels: { from: link.from, to: link.to }, value: value(link) })),
  };
}

/** Of the plan that serves. */
function ofStages(
  name: string,
  help: string,
  value: (stage: StageStatus) => number | null,
): ClusterFigure {
  return {
    ...{ name, help, type: "gauge", labels: ["stage", "device"] },
    read: (status) =>
      (servingOf(status)?.stages ?? []).map((stage) => ({
        labels: { stage: stage.stage, device: stage.device },
        value: value(stage),
      })),
  };
}

function ofHops(name: string, help: string, value: (hop: HopStatus) => number): ClusterFigure {
  return {
    ...{ name, help, type: "gauge", labels: ["from", "to"] },
    read: (status) =>
      (servingOf(status)?.hops ?? []).map((hop) => ({
        labels: { from: hop.from, to: hop.to },
        value: value(hop),
      })),
  };
}

function servingOf({ serving, generations }: ClusterStatus): GenerationStatus | undefined {
  return generations.find(({ generation }) => generation === serving);
}

function bytesPerSecond(bitsPerSecond: number | null): number | null {
  return bitsPerSecond === null ? null : bitsPerSecond / bitsPerByte;
}

export const clusterFigures: readonly ClusterFigure[] = [
  {
    name: "partita_cluster_phase",
    help: "1 for the phase that a cluster is in, 0 for the others",
    type: "gauge",
    labels: ["phase"],
    read: (status) =>
      phases.map((phase) => ({ labels: { phase }, value: status.phase === phase ? 1 : 0 })),
  },
  whole(
    "gauge",
    "partita_cluster_generation",
    "The generation that new requests go into",
    ({ serving }) => serving,
  ),
  whole(
    "gauge",
    "partita_cluster_predicted_latency_seconds",
    "The latency that the serving plan claims",
    (status) => servingOf(status)?.predictedLatencySeconds ?? null,
  ),
  whole(
    "gauge",
    "partita_cluster_predicted_period_seconds",
    "The time between answers that the serving plan claims",
    (status) => servingOf(status)?.predictedPeriodSeconds ?? null,
  ),
  whole(
    "gauge",
    "partita_cluster_requests_in_flight",
    "Requests in the pipeline",
    ({ requests }) => requests.inFlight,
  ),
  whole(
    "gauge",
    "partita_cluster_requests_waiting",
    "Requests that the pipeline has no room for yet",
    ({ requests }) => requests.waiting,
  ),
  whole(
    "counter",
    "partita_cluster_requests_answered_total",
    "Requests that the source has answered, whoever asked",
    ({ requests }) => requests.answered,
  ),
  whole(
    "counter",
    "partita_cluster_requests_failed_total",
    "Requests that the source could not answer",
    ({ requests }) => requests.failed,
  ),
  whole(
    "counter",
    "partita_cluster_requests_replayed_total",
    "Requests that went through a later generation after a loss",
    ({ requests }) => requests.replayed,
  ),
  whole(
    "counter",
    "partita_cluster_faults_total",
    "Devices and links that were lost",
    ({ faults }) => faults,
  ),
  whole(
    "counter",
    "partita_cluster_failovers_total",
    "Generations that took over after a loss",
    ({ failovers }) => failovers,
  ),
  whole(
    "counter",
    "partita_cluster_switches_total",
    "Generations that took over because they are better",
    ({ switches }) => switches,
  ),
  ofDevices("partita_device_up", "1 while a device is there", ({ state }) =>
    state === "away" ? 0 : 1,
  ),
  ofDevices(
    "partita_device_silent_seconds",
    "Since a device was heard",
    ({ silentSeconds }) => silentSeconds,
  ),
  ofDevices(
    "partita_device_requests_in_flight",
    "Requests that a device has something to do for",
    ({ requests }) => requests,
  ),
  ofDevices(
    "partita_device_held_bytes",
    "Bytes of tensors that a device holds",
    ({ heldBytes }) => heldBytes,
  ),
  ofDevices(
    "partita_device_stated_speed_ratio",
    "A device's speed by the topology",
    ({ statedSpeed }) => statedSpeed,
  ),
  ofDevices(
    "partita_device_measured_speed_ratio",
    "A device's speed by the standard benchmark",
    ({ measuredSpeed }) => measuredSpeed,
  ),
  ofLinks("partita_link_up", "1 while a channel stands", ({ state }) => (state === "up" ? 1 : 0)),
  ofLinks("partita_link_tunnelled", "1 while a channel goes through the coordinator", (link) =>
    link.tunnelled ? 1 : 0,
  ),
  ofLinks("partita_link_stated_bytes_per_second", "A link's rate by the topology", (link) =>
    bytesPerSecond(link.statedBitsPerSecond),
  ),
  ofLinks("partita_link_measured_bytes_per_second", "A link's rate by its transfers", (link) =>
    bytesPerSecond(link.measuredBitsPerSecond),
  ),
  ofStages(
    "partita_stage_predicted_seconds",
    "What the serving plan claims of a stage for a request",
    ({ predictedSeconds }) => predictedSeconds,
  ),
  ofHops(
    "partita_hop_predicted_seconds",
    "What the serving plan claims of a link for a request",
    ({ predictedSeconds }) => predictedSeconds,
  ),
  ofHops(
    "partita_hop_predicted_bytes",
    "Bytes that a request sends over a link by the serving plan",
    ({ bytes }) => bytes,
  ),
];
