import type { Partition } from "./partitions.ts";

/**
 * Partitions that differ from one by one device, which is unused or joins another group or makes one of
 * its own anywhere, or by two devices that change places. O(devices²) of them.
 *
 * @param alone whether each group has one device
 */
export function* neighboursOf(
  partition: Partition,
  devices: readonly number[],
  alone: boolean,
): Generator<Partition> {
  for (const device of devices) {
    const others = partition
      .map((group) => group.filter((member) => member !== device))
      .filter((group) => group.length > 0);
    if (others.length > 0) yield others;
    for (let stage = 0; stage <= others.length; stage++) {
      yield [...others.slice(0, stage), [device], ...others.slice(stage)];
      if (alone || stage === others.length) continue;
      yield others.map((group, position) => (position === stage ? [...group, device] : group));
    }
  }
  for (const [position, one] of devices.entries()) {
    for (const other of devices.slice(position + 1)) {
      const exchange = (device: number): number =>
        device === one ? other : device === other ? one : device;
      yield partition.map((group) => group.map(exchange));
    }
  }
}
