import type { Question } from "./planner-oracle.ts";

/**
 * Two devices of which the source is at no node the faster one, and seven times out of eight without
 * limits, colocation and caps on the other: most random questions have something that planners on a
 * compressed graph refuse. Questions of more devices stay as they are.
 */
export function laterIsFaster(question: Question, seed: number): Question {
  const { profile, topology } = question;
  const [first, second] = topology.devices;
  if (first === undefined || second === undefined || topology.devices.length > 2) return question;
  const kinds = [first, second].map((device) => ({
    device,
    kind: profile.devices[device.profile ?? "kind0"] ?? profile.devices["kind0"],
  }));
  const secondsOf = (node: number): (number | null)[] =>
    kinds
      .map(({ device, kind }) => {
        const seconds = kind?.nodeSeconds[node] ?? null;
        return seconds === null ? null : seconds / device.speed;
      })
      .sort((a, b) => (b ?? Number.POSITIVE_INFINITY) - (a ?? Number.POSITIVE_INFINITY));
  const devices = Object.fromEntries(
    kinds.map(({ device, kind }) => {
      const rank = device.name === topology.source ? 0 : 1;
      const nodeSeconds = profile.graph.nodes.map((_, node) => {
        const seconds = secondsOf(node)[rank] ?? null;
        return seconds === null ? null : seconds * device.speed;
      });
      return [device.name, { ...kind, nodeSeconds }];
    }),
  ) as Question["profile"]["devices"];
  const isPlain = seed % 8 !== 0;
  const nodes = profile.graph.nodes.map(({ colocation, ...node }) =>
    isPlain || colocation === undefined ? node : { ...node, colocation },
  );
  const server = topology.devices.find(({ name }) => name !== topology.source);
  return {
    ...question,
    profile: { ...profile, graph: { ...profile.graph, nodes }, devices },
    topology: {
      ...topology,
      devices: topology.devices.map((device) => ({
        ...device,
        profile: device.name,
        memoryBytes: isPlain && device === server ? null : device.memoryBytes,
        busyWatts: isPlain ? first.busyWatts : device.busyWatts,
        idleWatts: isPlain ? first.idleWatts : device.idleWatts,
      })),
      sink: isPlain && profile.graph.outputs.length > 1 ? "anywhere" : topology.sink,
    },
    limits: isPlain ? {} : question.limits,
  };
}
