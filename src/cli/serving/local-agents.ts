import { messageOf } from "../../base/errors.ts";
import type { Topology } from "../../cost/topology.ts";
import { AgentProcess } from "../agent-process.ts";
import { memoryWords } from "../fleet.ts";
import type { Terminal } from "../terminal.ts";

/** Starts an agent process for each device of a topology on this machine. Disposing ends them. */
export function startLocalAgents(
  { address, token }: { readonly address: string; readonly token: string },
  topology: Topology,
  terminal: Terminal,
): AsyncDisposable {
  const devices = topology.devices.filter(({ relay }) => relay === undefined);
  const agents = devices.map(({ name: device }) => {
    const words = memoryWords(topology, device);
    const agent = new AgentProcess({ device, join: address, token, words });
    agent.death.catch((error: unknown) => terminal.note(messageOf(error)));
    return agent;
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(agents.map((agent) => agent.end()));
    },
  };
}
