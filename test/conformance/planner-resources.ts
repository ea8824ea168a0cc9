import { createRandom } from "../../src/base/random.ts";
import { bytes } from "../../src/base/units.ts";
import type { Device } from "../../src/cost/topology.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Question } from "./planner-oracle.ts";

/**
 * The question with FLOP of every node, and of some devices the rate and the storage that they state,
 * drawn apart from all else. One in ten keeps a node of unknown FLOP.
 */
export function withResources(question: Question, seed: number): Question {
  const random = createRandom(seed + 2 ** 41);
  const { profile, topology } = question;
  const { nodes } = profile.graph;
  const unknown = random.next() < 0.1 ? random.integer(nodes.length) : -1;
  const parameters = nodes.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0);
  const devices = topology.devices.map((device): Device => {
    const rate = random.next() < 0.6 ? { computeFlopPerSecond: 2 ** random.integer(6) } : {};
    const share = random.pick([0.25, 0.5, 0.75, 1]);
    const storage =
      random.next() < 0.5 ? { storageBytes: bytes(Math.floor(parameters * share)) } : {};
    return { ...device, ...rate, ...storage };
  });
  return {
    ...question,
    topology: { ...topology, devices },
    profile: {
      ...profile,
      graph: {
        ...profile.graph,
        nodes: nodes.map((node, position) => ({
          ...node,
          flop:
            position === unknown ? null : (random.integer(40) as Graph["nodes"][number]["flop"]),
        })),
      },
    },
  };
}
