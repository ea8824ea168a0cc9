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
import type { Topology } from "../dist/cost/topology.js";
import { createOnnxRuntime } from "../dist/runtime/onnxruntime.node.js";
import { tcpTransport } from "../dist/transport/tcp.node.js";
import type { Role, Said } from "./faults/messages.js";
import {
  firstPlan,
  prepareModel,
  problemOf,
  replan,
  steadyRuntime,
  token,
  topologyOf,
} from "./faults/setting.js";

/** A plan that takes at most this share of the time between answers is gone over to. */
const worthwhile = 0.9;
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
  const { choices, liveness, journal } = role;
  const prepared = await prepareModel();
  const topology = topologyOf(choices);
  const problem = problemOf(prepared, topology);
  const coordinator = await Coordinator.start({
    transport: tcpTransport,
    clock: systemClock,
    listen: "127.0.0.1:0",
    token,
    plan: firstPlan(problem, choices),
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
    onWorld: (world) => improve(world),
    onEvent: (event) => {
      say({ type: "cluster", event });
      if (event.type === "serving") setImmediate(() => sayServed());
    },
  });
  /** What was lost and is back is used again, if that is worth a change. */
  const improve = (world: Topology) => {
    const plan = replan(prepared, world);
    const period = coordinator.serving?.claimed.periodSeconds ?? 0;
    if ("infeasible" in plan || plan.claimed.periodSeconds > worthwhile * period) return;
    coordinator.adopt(plan, "more to plan with");
  };
  const sayServed = () => {
    const { serving, generations } = coordinator.status();
    const one = generations.find(({ generation }) => generation === serving);
    if (one === undefined) return;
    const devices = [...new Set(one.stages.map(({ device }) => device))];
    const served = { devices, periodSeconds: one.predictedPeriodSeconds };
    say({ type: "serves", generation: one.generation, served });
  };
  say({ type: "listening", address: coordinator.address });
  await coordinator.ready();
  sayServed();
  await coordinator.ended;
  process.exit();
}
