import type { Problem } from "../../problem.ts";

/** Whether a device has less memory than all parameters and tensors take: else any stages fit. O(nodes). */
export function isShortOfMemory(
  { devices, index, kinds }: Pick<Problem, "devices" | "index" | "kinds">,
  device: number,
): boolean {
  const kind = kinds[device] ?? null;
  const memory = devices[device]?.memoryBytes ?? null;
  if (kind === null || memory === null) return false;
  const { nodes, tensors } = index.graph;
  const parameters = nodes.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0);
  return memory < tensors.reduce((sum, { bytes }) => sum + bytes, kind.overheadBytes + parameters);
}
