import { systemClock } from "../../base/clock.node.ts";
import { messageOf } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import { AgentProcess } from "../agent-process.ts";
import { memoryWords } from "../fleet.ts";
import type { Terminal } from "../terminal.ts";
import { keepAlive } from "./kept-alive.ts";

/**
 * Starts an agent process for each device of a topology on this machine, and another one for each that
 * dies. Disposing ends them.
 */
export function startLocalAgents(
  { address, token }: { readonly address: string; readonly token: string },
  topology: Topology,
  terminal: Terminal,
): AsyncDisposable {
  const devices = topology.devices.filter(({ relay }) => relay === undefined);
  const agents = devices.map(({ name: device }) => {
    const words = memoryWords(topology, device);
    return keepAlive(() => new AgentProcess({ device, join: address, token, words }), {
      clock: systemClock,
      onDeath: (why, pause) => {
        const when = formatQuantity(pause, "s");
        terminal.note(`${messageOf(why)}; another one is started in ${when}`);
      },
    });
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
    },
  };
}
