/**
 * One process of the cluster that `npm run bench -- faults` and its test try faults on: a coordinator
 * or an agent, as its first argument says. It ends with the process that started it.
 *
 * @module
 */
import { systemClock } from "../dist/base/clock.node.js";
import { Agent } from "../dist/cluster/agent.js";
import { Coordinator } from "../dist/cluster/coordinator.js";
import { fileJournal } from "../dist/cluster/journal.node.js";
import type { ClusterStatus } from "../dist/cluster/status.js";
import { createOnnxRuntime } from "../dist/runtime/onnxruntime.node.js";
import type { PreparedGraph } from "../dist/runtime/prepare.node.js";
import { tcpTransport } from "../dist/transport/tcp.node.js";
import type { Role, Said, Sight } from "./faults/messages.js";
import {
  type DeviceName,
  deviceNames,
  prepareModel,
  replan,
  steadyRuntime,
  token,
  topologyOf,
} from "./faults/setting.js";

/** A plan that takes at most this share of the time between answers is gone over to. */
const worthwhile = 0.9;
const lookMilliseconds = 50;
const looksPerTry = 40;
const role: Role = JSON.parse(process.argv[2] ?? "");
process.once("disconnect", () => process.exit());
await (role.type === "agent" ? beAgent(role) : beCoordinator(role));

function say(said: Said): void {
  if (process.connected) process.send?.(said);
}

async function beAgent(agent: Extract<Role, { type: "agent" }>): Promise<void> {
  const { name, incarnation, coordinator, advertised } = agent;
  const joined = await Agent.join({
    name,
    incarnation,
    coordinator,
    token,
    transport: tcpTransport,
    runtime: steadyRuntime(),
    clock: systemClock,
    listen: "127.0.0.1:0",
    addresses: (address) => {
      say({ type: "listening", address });
      return [advertised];
    },
    cores: 1,
    memoryBytes: null,
    onEvent: (event) => {
      const text = JSON.stringify(event, (_, value) =>
        value instanceof Error ? value.message : value,
      );
      say({ type: "agent", event: { type: event.type, text } });
    },
  });
  await joined.ended;
  process.exit();
}

async function beCoordinator(role: Extract<Role, { type: "coordinator" }>): Promise<void> {
  const { sink, liveness, journal } = role;
  const prepared = await prepareModel();
  const topology = topologyOf(sink);
  const plan = replan(prepared, topology);
  if ("infeasible" in plan) throw new Error(plan.infeasible);
  let look = (): void => undefined;
  const coordinator = await Coordinator.start({
    transport: tcpTransport,
    clock: systemClock,
    listen: "127.0.0.1:0",
    token,
    plan,
    graph: prepared.graph,
    topology,
    model: prepared.model,
    types: prepared.openTypes,
    runtime: createOnnxRuntime().name,
    emulate: true,
    joinSeconds: null,
    ...liveness,
    journal: fileJournal(journal),
    replan: async (left) => replan(prepared, left),
    onEvent: (event) => {
      say({ type: "cluster", event });
      if (event.type === "serving") setImmediate(() => look());
    },
  });
  const improve = improver(coordinator, prepared);
  const tell = looker(coordinator, sink);
  look = () => {
    improve();
    tell();
  };
  say({ type: "listening", address: coordinator.address });
  const looking = setInterval(() => look(), lookMilliseconds);
  await coordinator.ended;
  clearInterval(looking);
  process.exit();
}

/** What was lost and is back is used again, as soon as there is time to change, if that is worth it. */
function improver(coordinator: Coordinator, prepared: PreparedGraph): () => void {
  let considered = "";
  let looks = 0;
  return () => {
    const { serving, world } = coordinator;
    if (serving === null || coordinator.isSwitching) return;
    looks++;
    // Another loss may have come between a wish and its fulfilment.
    if (looks % looksPerTry === 0) considered = "";
    const names = world.devices.map(({ name }) => name);
    const seen = `${names} ${world.links.length} ${serving.claimed.periodSeconds}`;
    if (seen === considered) return;
    considered = seen;
    const plan = replan(prepared, world);
    const period = serving.claimed.periodSeconds;
    if ("infeasible" in plan || plan.claimed.periodSeconds > worthwhile * period) return;
    coordinator.adopt(plan, "more to plan with");
  };
}

/** Says how a coordinator sees the cluster, whenever that has changed. */
function looker(coordinator: Coordinator, sink: DeviceName): () => void {
  let generation: number | null = null;
  let last = "";
  return () => {
    const status = coordinator.status();
    const serving = status.generations.find((one) => one.generation === status.serving);
    if (serving !== undefined && serving.generation !== generation) {
      generation = serving.generation;
      const { predictedPeriodSeconds: periodSeconds, stages } = serving;
      const hops = serving.hops.map(({ from, to }) => ({ from, to }));
      const served = { devices: stages.map(({ device }) => device), hops, periodSeconds };
      say({ type: "serves", generation, served });
    }
    const sight = sightOf(status, sink);
    if (JSON.stringify(sight) === last) return;
    last = JSON.stringify(sight);
    say({ type: "sees", sight });
  };
}

function sightOf(status: ClusterStatus, sink: DeviceName): Sight {
  const { devices, links, generations, fallbacks, phase, serving } = status;
  const joined = devices.filter(({ state }) => state !== "away").map(({ device }) => device);
  const served = generations.find((one) => one.generation === serving)?.stages ?? [];
  const used = new Set(served.map(({ device }) => device));
  const isReplaceable = [...used]
    .filter((device) => device !== "camera" && device !== sink)
    .every((device) => fallbacks.includes(device));
  const isAtRest =
    phase === "serving" &&
    used.size === deviceNames.length &&
    isReplaceable &&
    (sink !== "camera" || fallbacks.includes("all but the source")) &&
    links.every(({ state }) => state === "up") &&
    generations.every(({ state }) => state === "serving" || state === "standby");
  return { joined, serving, isAtRest };
}
