import { drawGraph } from "../zoo/graph.ts";
import type { ZooName } from "../zoo/zoo.ts";
import type { GrowthCell } from "./growth.ts";
import type { SimulationCell } from "./growth-simulation.ts";
import type { Shape } from "./growth-topologies.ts";

/** How far to go, and how long to wait. */
export interface GrowthSizes {
  readonly networks: readonly ZooName[];
  readonly nodes: readonly number[];
  readonly devices: readonly number[];
  readonly shapes: readonly Shape[];
  readonly limitSeconds: number;
  /** Of the simulator: requests through a few stages, stages under some requests. */
  readonly requests: readonly number[];
  readonly stages: readonly number[];
}

/** Everything: some ten minutes. */
export const fullSizes: GrowthSizes = {
  networks: ["resnet18", "mobilenetv2", "inceptionv4"],
  nodes: [100, 200, 500, 1000, 2000, 5000, 10_000],
  devices: [2, 5, 10, 20, 50, 100, 200],
  shapes: ["line", "hub", "mesh"],
  limitSeconds: 10,
  requests: [1000, 10_000, 100_000, 1_000_000],
  stages: [2, 5, 10, 20, 50, 100, 200],
};

/** The same within a minute: fewer sizes, and planners are stopped sooner. */
export const quickSizes: GrowthSizes = {
  networks: ["mobilenetv2"],
  nodes: [200, 1000, 5000],
  devices: [2, 10, 50],
  shapes: ["line", "mesh"],
  limitSeconds: 2,
  requests: [1000, 10_000, 100_000],
  stages: [2, 10, 50],
};

const objectives = ["latency", "throughput"] as const;
/** The least, the plainest and the best: what the others cost lies between. */
const grown = ["random", "single", "exact"] as const;
/** What is placed while the devices grow. */
const placed = { network: "mobilenetv2", nodes: 152 } as const;

/** Some planners on graphs that grow on three tiers, and on topologies that grow under one graph. */
export function growthCells({
  networks,
  nodes,
  devices,
  shapes,
  limitSeconds,
}: GrowthSizes): GrowthCell[] {
  const larger = networks.flatMap((network) => {
    const least = drawGraph(network).nodes.length;
    return nodes.filter((count) => count >= least).map((count) => ({ network, nodes: count }));
  });
  const graphs = larger.map((graph) => ({
    ...graph,
    study: "nodes" as const,
    shape: "tiers" as const,
    devices: 3,
  }));
  const topologies = shapes.flatMap((shape) =>
    devices.map((count) => ({ ...placed, study: "devices" as const, shape, devices: count })),
  );
  return [...graphs, ...topologies].flatMap((problem) =>
    objectives.flatMap((objective) =>
      grown.map((planner) => ({
        type: "planner" as const,
        ...problem,
        objective,
        planner,
        limitSeconds,
      })),
    ),
  );
}

/** Stages while the requests grow. */
const fewStages = 5;
/** Requests while the stages grow. */
const someRequests = 10_000;

/** The simulator on more and more requests, and on longer and longer pipelines. */
export function simulationCells({ requests, stages }: GrowthSizes): SimulationCell[] {
  return [
    ...requests.map((count) => ({
      type: "simulator" as const,
      study: "requests" as const,
      requests: count,
      stages: fewStages,
    })),
    ...stages.map((count) => ({
      type: "simulator" as const,
      study: "stages" as const,
      requests: someRequests,
      stages: count,
    })),
  ];
}
