/**
 * A device and a server, joined by one link: the setting of most published planners.
 *
 * @module
 */
import { bitsPerSecond, bytes, seconds } from "../base/units.ts";
import { plainDevice, plainLinks } from "../cost/plain-topology.ts";
import type { Topology } from "../cost/topology.ts";
import type { Graph } from "../graph/graph.ts";

/** How a picture is sent from the device: its elements are float32 in the graph. */
export const inputWidths = ["float32", "uint8", "jpeg"] as const;
export type InputWidth = (typeof inputWidths)[number];

/** Bytes of a photo as uint8 ÷ its bytes as a JPEG of good quality: an assumption, as a round figure. */
export const jpegRatio = 10;

export interface DevicePair {
  /** Of the machine that was measured. */
  readonly deviceSpeed: number;
  /** Times the device's. */
  readonly serverFactor: number;
  readonly bandwidthBitsPerSecond: number;
  readonly latencySeconds?: number;
  readonly inputBytes?: Topology["inputBytes"];
}

/** Source and sink is the device; the link is alike both ways. */
export function pairTopology({
  deviceSpeed,
  serverFactor,
  bandwidthBitsPerSecond,
  latencySeconds = 0,
  inputBytes = {},
}: DevicePair): Topology {
  return {
    format: "partita.topology/1",
    devices: [
      plainDevice({ name: "device", speed: deviceSpeed }),
      plainDevice({ name: "server", tier: "cloud", speed: deviceSpeed * serverFactor }),
    ],
    links: plainLinks(
      "device",
      "server",
      bitsPerSecond(bandwidthBitsPerSecond),
      seconds(latencySeconds),
    ),
    source: "device",
    sink: "device",
    inputBytes,
  };
}

/**
 * What a graph's inputs weigh on a link; `null` if it reads no picture, so that there is nothing to
 * choose but `float32`: the tensors as they are.
 */
export function inputBytesFor(
  { inputs, tensors }: Graph,
  width: InputWidth,
): Topology["inputBytes"] | null {
  if (width === "float32") return {};
  const pictures = tensors.filter(({ name, shape }) => inputs.includes(name) && shape.length === 4);
  if (pictures.length === 0) return null;
  return Object.fromEntries(
    pictures.map(({ name, shape }) => {
      const elements = shape.reduce((product, extent) => product * extent, 1);
      return [name, bytes(width === "uint8" ? elements : Math.ceil(elements / jpegRatio))];
    }),
  );
}
