import { speedBy } from "../cost/relative-speed.ts";
import type { Device, Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import type { AgentLink } from "./agent-link.ts";
import type { CoordinationState, GenerationState } from "./coordination/state.ts";
import { hasPair, pairOf } from "./coordination/state.ts";
import { inRole, isSinkAway, servingOf } from "./coordination/world.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { Measurements } from "./measurements.ts";
import type { BookedPlan } from "./plan-book.ts";
import type {
  ClusterPhase,
  ClusterStatus,
  DeviceStatusReport,
  GenerationStatus,
  HopStatus,
  LinkStatus,
} from "./status.ts";
import type { TunnelEnds } from "./switchboard.ts";

export interface ReportedCluster {
  readonly state: CoordinationState;
  readonly about: Pick<
    CoordinatorOptions,
    "topology" | "graph" | "emulate" | "calendar" | "benchmarks"
  >;
  /** On the coordinator's clock. */
  readonly now: number;
  readonly startedAt: number;
  readonly measurements: Measurements;
  readonly planOf: (plan: number) => BookedPlan;
  readonly linkOf: (device: string) => AgentLink | undefined;
  readonly tunnels: readonly TunnelEnds[];
}

/** Everything that is known, as one document. O(devices + links + generations · stages). */
export function reportStatus(cluster: ReportedCluster): ClusterStatus {
  const { state, measurements } = cluster;
  const { topology, graph, emulate = false, calendar } = cluster.about;
  const phase = phaseOf(state);
  return {
    format: "partita.status/1",
    model: graph.name,
    phase,
    why: phase === "serving" ? null : whyOf(state),
    upSeconds: cluster.now - cluster.startedAt,
    calendarSeconds: calendar?.() ?? null,
    emulated: emulate,
    heartbeatSeconds: state.limits.heartbeatSeconds,
    missedHeartbeats: state.limits.silentTicks,
    serving: inRole(state, "serving")?.generation ?? null,
    generations: state.generations.map((generation) => reportGeneration(generation, cluster)),
    devices: topology.devices.map((device) => reportDevice(device, cluster)),
    links: topology.links.map((link) => reportLink(link, cluster)),
    requests: measurements.requests(),
    faults: state.faults,
    failovers: state.failovers,
    switches: state.switches,
    fallbacks: fallbacksOf(state),
  };
}

function phaseOf(state: CoordinationState): ClusterPhase {
  if (state.ended) return "ended";
  if (state.started && state.devices[state.source]?.joined !== true) return "suspended";
  if (servingOf(state) !== undefined) return "serving";
  return state.started && isSinkAway(state) ? "suspended" : "waiting";
}

/** Why nothing is served, in words. */
export function whyOf(state: CoordinationState): string {
  if (state.ended) return state.failure?.message ?? "it was closed";
  const away = (names: readonly string[]) =>
    names.filter((name) => state.devices[name]?.joined !== true);
  const needed = [state.source, ...(state.sink === "anywhere" ? [] : [state.sink])];
  const missing = away(state.started ? needed : state.preferred.shape.devices);
  if (missing.length > 0) return `waits for ${[...new Set(missing)].join(", ")} to join`;
  if (state.recovering) return "waits for its devices to come back";
  if (inRole(state, "candidate") !== undefined) return "parts are on their way";
  if (state.planned?.why != null) return `no plan for what is left: ${state.planned.why}`;
  return "plans for what is left";
}

function fallbacksOf({ fallbacks, fallbackBase, generations }: CoordinationState): string[] {
  const base = fallbackBase?.world;
  const single = fallbacks.flatMap(({ world }) => [
    ...world.without.filter((device) => base?.without.includes(device) !== true),
    ...world.cut
      .filter((pair) => base === undefined || !hasPair(base.cut, pair))
      .map(({ a, b }) => `${a} – ${b}`),
  ]);
  const isAlone = generations.some(({ role, steps }) => {
    return role === "standby" && Object.values(steps).every((step) => step === "deployed");
  });
  return isAlone ? [...single, "all but the source"] : single;
}

function reportGeneration(
  one: GenerationState,
  { planOf, measurements }: ReportedCluster,
): GenerationStatus {
  const { plan } = planOf(one.plan);
  const isDeploying = Object.values(one.steps).some((step) => step === "deploying");
  const onTheWay = isDeploying || one.told ? "deploying" : "preparing";
  const { role, generation, cause } = one;
  const { most, waitSeconds } = plan.batch ?? { most: 1, waitSeconds: 0 };
  return {
    generation,
    planner: plan.planner,
    state: role === "candidate" || role === "recovered" ? onTheWay : role,
    cause,
    predictedLatencySeconds: plan.claimed.latencySeconds,
    predictedPeriodSeconds: plan.claimed.periodSeconds,
    objective: plan.objective,
    batch: most === 1 ? null : { most, waitSeconds },
    stages: plan.stages.map((stage) => ({
      stage: stage.id,
      device: stage.devices.join(", "),
      nodes: stage.nodes.length,
      predictedSeconds: stage.seconds,
      measuredSeconds: measurements.stageSeconds(generation, stage, most),
    })),
    hops: hopsOf(plan),
  };
}

function hopsOf({ transfers }: Plan): HopStatus[] {
  const hops = new Map<string, HopStatus>();
  for (const { from, to, bytes, seconds } of transfers) {
    const key = JSON.stringify([from, to]);
    const before = hops.get(key) ?? { from, to, tensors: 0, bytes: 0, predictedSeconds: 0 };
    hops.set(key, {
      ...{ from, to, tensors: before.tensors + 1, bytes: before.bytes + bytes },
      predictedSeconds: before.predictedSeconds + seconds,
    });
  }
  return [...hops.values()].map((hop) => ({ ...hop, bytes: Math.round(hop.bytes) }));
}

function reportDevice(device: Device, cluster: ReportedCluster): DeviceStatusReport {
  const { name, speed } = device;
  const { state, linkOf, now } = cluster;
  const { benchmarks = {} } = cluster.about;
  const link = linkOf(name);
  const benchmarkSeconds = link?.agent.benchmarkSeconds ?? null;
  return {
    device: name,
    ...(device.relay === undefined ? standingOf(name, state) : relaying),
    addresses: link?.agent.addresses ?? [],
    runtime: link?.agent.runtime ?? null,
    cores: link?.agent.cores ?? null,
    memoryBytes: link?.agent.memoryBytes ?? null,
    benchmarkSeconds,
    statedSpeed: speed,
    measuredSpeed: speedBy(benchmarks[name], benchmarkSeconds),
    silentSeconds: link === undefined ? null : now - link.heardAt,
    requests: link?.requests ?? 0,
    peakRequests: link?.peakRequests ?? 0,
    heldBytes: link?.heldBytes ?? 0,
  };
}

/** The coordinator's own machine is there as long as it says so. */
const relaying = { state: "running", role: "relay", why: null } as const;

function standingOf(
  name: string,
  state: CoordinationState,
): Pick<DeviceStatusReport, "state" | "role" | "why"> {
  const known = state.devices[name];
  return {
    state: stateOf(name, state),
    role: roleOf(name, state),
    why: known?.refused?.why ?? known?.why ?? whyIdle(name, state),
  };
}

function stateOf(name: string, state: CoordinationState): DeviceStatusReport["state"] {
  if (state.devices[name]?.joined !== true) return "away";
  const steps = state.generations
    .filter(({ role }) => role !== "standby")
    .flatMap((generation) => generation.steps[name] ?? []);
  if (steps.some((step) => step === "deployed")) return "running";
  return steps.some((step) => step !== "none") ? "preparing" : "idle";
}

function roleOf(name: string, { source, sink }: CoordinationState): DeviceStatusReport["role"] {
  if (name === source) return sink === source ? "source and sink" : "source";
  return name === sink ? "sink" : null;
}

function whyIdle(name: string, state: CoordinationState): string | null {
  if (state.devices[name]?.joined !== true) return "it has not joined yet";
  const serving = inRole(state, "serving");
  if (serving === undefined || serving.shape.devices.includes(name)) return null;
  return "the plan does not use it";
}

function reportLink(
  { from, to, bandwidthBitsPerSecond, latencySeconds }: Topology["links"][number],
  { state, measurements, tunnels }: ReportedCluster,
): LinkStatus {
  // The relay is no device that joins: it is here.
  const joined = [from, to].every((name) => state.devices[name]?.joined ?? true);
  const isUp = joined && !hasPair(state.cuts, pairOf(from, to));
  return {
    from,
    to,
    state: isUp ? "up" : "down",
    tunnelled: tunnels.some(
      ({ kind, devices }) => kind === "hop" && devices.includes(from) && devices.includes(to),
    ),
    statedLatencySeconds: latencySeconds,
    statedBitsPerSecond: bandwidthBitsPerSecond,
    measuredBitsPerSecond: measurements.goodput(from, to),
  };
}
