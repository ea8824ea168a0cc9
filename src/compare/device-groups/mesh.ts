import { bitsPerSecond, bytes } from "../../base/units.ts";
import { plainDevice, plainLink } from "../../cost/plain-topology.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Graph } from "../../graph/graph.ts";

/** Devices that are all linked to all, each link by itself and alike; the first is source and sink. */
export function meshTopology(
  speeds: readonly number[],
  bandwidthBitsPerSecond: number,
  inputBytes: Topology["inputBytes"],
): Topology {
  const names = speeds.map((_, device) => `d${device}`);
  return {
    format: "partita.topology/1",
    devices: speeds.map((speed, device) => plainDevice({ name: names[device] as string, speed })),
    links: names.flatMap((from) =>
      names
        .filter((to) => to !== from)
        .map((to) => plainLink(from, to, bitsPerSecond(bandwidthBitsPerSecond))),
    ),
    source: "d0",
    sink: "d0",
    inputBytes,
  };
}

/** Pictures travel as uint8: a byte an element instead of four. */
export function picturesAsBytes({ inputs, tensors }: Graph): Topology["inputBytes"] {
  return Object.fromEntries(
    tensors
      .filter(({ name, shape }) => inputs.includes(name) && shape.length === 4)
      .map((tensor) => [tensor.name, bytes(tensor.bytes / 4)]),
  );
}
