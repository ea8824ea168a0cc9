import { createRandom } from "../base/random.ts";
import { bitsPerSecond, bytes } from "../base/units.ts";
import { plainDevice, plainLink } from "../cost/plain-topology.ts";
import type { Topology } from "../cost/topology.ts";

export interface WifiOptions {
  readonly devices: number;
  readonly seed: number;
  /** Of each device; `null`: unlimited. */
  readonly memoryBytes: number | null;
  /** Default: all 1. */
  readonly speeds?: readonly number[];
  /** What the graph inputs cost on a link, by name; default: their own bytes. */
  readonly inputBytes?: Readonly<Record<string, number>>;
  /** Default: `anywhere`. */
  readonly sink?: string;
}

/**
 * Devices at random in a hall, all linked to all, each link by itself: log2(1 + 283230 ÷ d²) Mbit/s at
 * d metres. The first device is the source. No way over a third device is faster than the direct one.
 *
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022
 */
export function wifiTopology(options: WifiOptions): Topology {
  const { devices: count, seed, memoryBytes, speeds, sink, inputBytes = {} } = options;
  const random = createRandom(seed);
  const coordinate = (): number => 1 + 149 * random.next();
  const devices = Array.from({ length: count }, (_, position) => ({
    name: `d${position}`,
    x: coordinate(),
    y: coordinate(),
  }));
  return {
    format: "partita.topology/1",
    devices: devices.map(({ name }, position) =>
      plainDevice({
        name,
        speed: speeds?.[position] ?? 1,
        memoryBytes: memoryBytes === null ? null : bytes(memoryBytes),
      }),
    ),
    links: devices.flatMap((from) =>
      devices.flatMap((to) => {
        if (from === to) return [];
        const distance = Math.hypot(from.x - to.x, from.y - to.y);
        return plainLink(from.name, to.name, bitsPerSecond(wifiRate(distance)));
      }),
    ),
    source: "d0",
    sink: sink ?? "anywhere",
    inputBytes: Object.fromEntries(
      Object.entries(inputBytes).map(([name, amount]) => [name, bytes(amount)]),
    ),
  };
}

/** Bits per second over a distance in metres. */
export function wifiRate(metres: number): number {
  return 1e6 * Math.log2(1 + 283_230 / metres ** 2);
}
