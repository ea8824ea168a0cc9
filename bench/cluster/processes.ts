import { type ChildProcess, fork } from "node:child_process";
import { systemClock } from "../../dist/base/clock.node.js";
import { Agent } from "../../dist/cluster/agent.js";
import { type Client, connectClient } from "../../dist/cluster/client.js";
import { Coordinator } from "../../dist/cluster/coordinator.js";
import type { Topology } from "../../dist/cost/topology.js";
import type { Plan } from "../../dist/plan/plan.js";
import { createOnnxRuntime } from "../../dist/runtime/onnxruntime.node.js";
import type { PreparedGraph } from "../../dist/runtime/prepare.node.js";
import { tcpTransport } from "../../dist/transport/tcp.node.js";

const token = "bench";

/** A device of `startCluster`: `script` calls it when it is started with `agent ADDRESS NAME`. */
export async function runAgent(coordinator: string, name: string): Promise<void> {
  const agent = await Agent.join({
    name,
    incarnation: String(process.pid),
    coordinator,
    token,
    transport: tcpTransport,
    runtime: createOnnxRuntime(),
    clock: systemClock,
    listen: "127.0.0.1:0",
    cores: 1,
    memoryBytes: null,
  });
  await agent.ended;
  process.disconnect();
}

/** A plan on processes of this machine. */
export interface Cluster extends AsyncDisposable {
  readonly client: Client;
}

/**
 * @param script this machine's devices are started with
 * @param emulate whether speeds and links are imitated
 */
export async function startCluster(
  script: string,
  { model, graph, openTypes }: PreparedGraph,
  topology: Topology,
  plan: Plan,
  emulate = true,
): Promise<Cluster> {
  const coordinator = await Coordinator.start({
    transport: tcpTransport,
    clock: systemClock,
    listen: "127.0.0.1:0",
    token,
    plan,
    graph,
    topology,
    model,
    types: openTypes,
    runtime: createOnnxRuntime().name,
    emulate,
  });
  const children = topology.devices.map(({ name }) =>
    fork(script, ["agent", coordinator.address, name]),
  );
  await coordinator.ready();
  const { address } = coordinator;
  const client = await connectClient({
    transport: tcpTransport,
    clock: systemClock,
    address,
    token,
  });
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await coordinator.close();
      await Promise.all(children.map(exited));
    },
  };
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}
