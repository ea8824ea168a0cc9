/**
 * Pipelines whose loads are each stage's own: what a stage costs its device and its links depends on
 * the nodes of the stage alone, not on where the others run.
 *
 * @module
 */

/** A tensor that may travel, with its uses by unit. */
export interface StageFlow {
  /** `null`: it comes from the source. */
  readonly producer: number | null;
  /** Units that read it, the producer apart. */
  readonly consumers: readonly number[];
  /** Whether it has to get to the sink. */
  readonly isDelivered: boolean;
}

/** One load of a device or of its links: seconds for each unit it runs and each flow that passes. */
export interface LoadTerm {
  /** Whether the device's compute counts. */
  readonly isComputing: boolean;
  /** Seconds for each flow that enters the stage. */
  readonly enter: Float64Array;
  /** Seconds for each flow that leaves it, however many want it. */
  readonly leave: Float64Array;
}

/** Devices that may take each other's place. */
export interface DeviceClass {
  /** How many. At most 250, or `Infinity`. */
  readonly count: number;
  /** Seconds for each unit; `Infinity`: it may not run there. */
  readonly seconds: Float64Array;
  /** The largest of these is the load of a stage. The first one counts compute. */
  readonly terms: readonly LoadTerm[];
  /** Bytes that units may take, `null`: any. */
  readonly roomBytes: number | null;
  /** Whether the flows without a producer start here; then the class is one device. */
  readonly isSource: boolean;
  /** Whether flows are delivered to here; then the class is one device. */
  readonly isSink: boolean;
}

/** Who may run what, and what that loads. */
export interface StageModel {
  /** Units that feed each unit; units in a topological order. */
  readonly predecessors: readonly (readonly number[])[];
  readonly flows: readonly StageFlow[];
  readonly classes: readonly DeviceClass[];
  /** Bytes that each unit needs, which add up. */
  readonly unitBytes: Float64Array;
  /** What the units of a stage need besides; `null`: nothing. */
  readonly alive: AliveBytes | null;
  /** A load that is there whatever runs where. */
  readonly constantSeconds: number;
}

/** Bytes that come on top of those that add up. Never fewer for more units. */
export interface AliveBytes {
  /** Units in ascending order. */
  of(units: readonly number[]): number;
  /** For each unit what it adds at most. */
  readonly most: Float64Array;
}

/** Units that run together on one device of a class. */
export interface Stage {
  readonly deviceClass: number;
  readonly units: readonly number[];
}

/** Stages in the order of the pipeline. */
export type StageChain = readonly Stage[];

/** Flows that each unit makes and reads, and the flows without a producer. */
export interface FlowUses {
  readonly made: readonly (readonly number[])[];
  readonly read: readonly (readonly number[])[];
  readonly inputs: readonly number[];
}

export function usesOf({
  predecessors,
  flows,
}: Pick<StageModel, "predecessors" | "flows">): FlowUses {
  const made: number[][] = predecessors.map(() => []);
  const read: number[][] = predecessors.map(() => []);
  const inputs: number[] = [];
  flows.forEach(({ producer, consumers }, flow) => {
    if (producer === null) inputs.push(flow);
    else made[producer]?.push(flow);
    for (const unit of consumers) read[unit]?.push(flow);
  });
  return { made, read, inputs };
}

/**
 * What a stage loads its device and links by, the largest of its terms. An empty one may cost too:
 * the source sends and the sink receives whatever they run.
 */
export function stageSeconds(
  model: StageModel,
  deviceClass: DeviceClass,
  units: readonly number[],
): number {
  const inside = new Set(units);
  const compute = units.reduce((sum, unit) => sum + (deviceClass.seconds[unit] as number), 0);
  const loads = deviceClass.terms.map(({ isComputing }) => (isComputing ? compute : 0));
  model.flows.forEach((flow, position) => {
    const enters = isEntering(flow, inside, deviceClass);
    const leaves = isLeaving(flow, inside, deviceClass);
    deviceClass.terms.forEach(({ enter, leave }, term) => {
      if (enters) (loads[term] as number) += enter[position] as number;
      if (leaves) (loads[term] as number) += leave[position] as number;
    });
  });
  return Math.max(0, ...loads);
}

function isEntering(
  { producer, consumers, isDelivered }: StageFlow,
  inside: ReadonlySet<number>,
  { isSource, isSink }: DeviceClass,
): boolean {
  if (producer === null ? isSource : inside.has(producer)) return false;
  return (isSink && isDelivered) || consumers.some((unit) => inside.has(unit));
}

function isLeaving(
  { producer, consumers, isDelivered }: StageFlow,
  inside: ReadonlySet<number>,
  { isSource, isSink }: DeviceClass,
): boolean {
  if (!(producer === null ? isSource : inside.has(producer))) return false;
  return (!isSink && isDelivered) || consumers.some((unit) => !inside.has(unit));
}

/** The period of a chain: the largest load, those of unused sources and sinks included. */
export function chainSeconds(model: StageModel, chain: StageChain): number {
  const loads = chain.map(({ deviceClass, units }) =>
    stageSeconds(model, model.classes[deviceClass] as DeviceClass, units),
  );
  const idle = model.classes.flatMap((deviceClass, position) =>
    chain.some((stage) => stage.deviceClass === position)
      ? []
      : [stageSeconds(model, deviceClass, [])],
  );
  return Math.max(model.constantSeconds, 0, ...loads, ...idle);
}

/** Whether the units of a stage fit into a device of a class. */
export function fitsIn(
  { unitBytes, alive }: StageModel,
  { roomBytes }: DeviceClass,
  units: readonly number[],
): boolean {
  if (roomBytes === null) return true;
  const needed = units.reduce((sum, unit) => sum + (unitBytes[unit] as number), 0);
  if (needed > roomBytes || alive === null) return needed <= roomBytes;
  const most = units.reduce((sum, unit) => sum + (alive.most[unit] as number), needed);
  return most <= roomBytes || needed + alive.of([...units].sort((a, b) => a - b)) <= roomBytes;
}
