/** Groups of devices in the order of their stages; no group is empty. */
export type Partition = readonly (readonly number[])[];

/**
 * All ways to put devices into ordered groups: 1, 3, 13, 75, 541, 4683 for one to six devices.
 *
 * @param alone whether each group has one device: then these are the orders of the devices
 */
export function* orderedPartitions(
  devices: readonly number[],
  alone: boolean,
): Generator<Partition> {
  if (devices.length === 0) {
    yield [];
    return;
  }
  const sets = 2 ** devices.length;
  for (let set = 1; set < sets; set++) {
    const group = devices.filter((_, position) => (set >> position) & 1);
    if (alone && group.length > 1) continue;
    const others = devices.filter((_, position) => !((set >> position) & 1));
    for (const rest of orderedPartitions(others, alone)) yield [group, ...rest];
  }
}

/**
 * What a particle stands for: the whole part of each number is the stage of its device, and a stage
 * behind the last that there can be leaves it unused.
 *
 * @param alone each device has a stage of its own: the numbers say their order
 */
export function decode(
  position: readonly number[],
  devices: readonly number[],
  alone: boolean,
): Partition {
  const stages = devices.length;
  const used = devices
    .map((device, axis) => ({ device, number: position[axis] as number }))
    .filter(({ number }) => number < stages);
  if (alone) return used.sort((a, b) => a.number - b.number).map(({ device }) => [device]);
  const groups = Array.from({ length: stages }, (): number[] => []);
  for (const { device, number } of used) groups[Math.max(0, Math.floor(number))]?.push(device);
  return groups.filter((group) => group.length > 0);
}

/** A position in the middle of what stands for a partition. */
export function encode(partition: Partition, devices: readonly number[]): number[] {
  return devices.map((device) => {
    const stage = partition.findIndex((group) => group.includes(device));
    return (stage < 0 ? devices.length : stage) + 0.5;
  });
}

/** The same partition with the first of alike devices, in their order, so that equals look equal. */
export function normalise(partition: Partition, twinBefore: readonly number[]): Partition {
  const first = (device: number): number => {
    const before = twinBefore[device] ?? -1;
    return before < 0 ? device : first(before);
  };
  const twins = new Map<number, number[]>();
  for (let device = twinBefore.length - 1; device >= 0; device--) {
    const own = twins.get(first(device)) ?? [];
    own.push(device);
    twins.set(first(device), own);
  }
  return partition.map((group) =>
    group.map((device) => twins.get(first(device))?.pop() as number).sort((a, b) => a - b),
  );
}
