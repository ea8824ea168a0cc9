import { bytes, seconds, secondsPerByte } from "../base/units.ts";
import type { Graph } from "../graph/graph.ts";
import type { Profile } from "./profile.ts";

/** A core of a plain server: 20 GFLOP/s, 10 GB/s. */
const core = { flopPerSecond: 20e9, bytesPerSecond: 10e9, secondsPerNode: 5e-6 };

/**
 * A profile that nobody measured: each node takes the longer of its FLOP at 20 GFLOP/s and its bytes
 * (inputs, outputs, parameters) at 10 GB/s, and 5 µs to start; whole nanoseconds, so that sums are
 * the same in any order. A tensor that enters costs 50 µs and each byte of it 0.3 ns, on both sides.
 *
 * For comparing planners on costs of a likely shape, the same on every machine; no claim about one.
 *
 * @returns a profile with the one kind `core`
 * @see Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009
 */
export function modelProfile(graph: Graph): Profile {
  const sizes = new Map(graph.tensors.map((tensor) => [tensor.name, tensor.bytes as number]));
  const nodeSeconds = graph.nodes.map(({ inputs, outputs, flop, parameterBytes }) => {
    const moved = [...inputs, ...outputs].reduce(
      (sum, tensor) => sum + (sizes.get(tensor) ?? 0),
      parameterBytes as number,
    );
    const work = Math.max((flop ?? 0) / core.flopPerSecond, moved / core.bytesPerSecond);
    return seconds(Math.round(1e9 * (work + core.secondsPerNode)) / 1e9);
  });
  const kind = {
    nodeSeconds,
    overheadSeconds: seconds(5e-5),
    boundarySecondsPerByte: secondsPerByte(3e-10),
    overheadBytes: bytes(30e6),
  };
  return { format: "partita.profile/1", graph, devices: { core: kind } };
}
