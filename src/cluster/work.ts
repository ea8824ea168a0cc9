/**
 * What one device has to do for one request, and what it holds until then.
 *
 * @module
 */
import { Stitching } from "../graph/region-value.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { compose, mostKeptRegions } from "./compositions.ts";
import type { Failure, HopTiming, Receipt, Report, Resume, StageTiming } from "./data-message.ts";
import type { DeployedStage, DeviceDeployment, Tiling } from "./deployment.ts";
import { type Composition, readRegion } from "./region-name.ts";

/** Where a tensor goes. */
export interface Destination {
  readonly tensor: string;
  /** `null`: to whoever asked. */
  readonly to: string | null;
  readonly codec?: string;
}

/** A stage or a send: each is one object for as long as its generation lives. */
export type Task = DeployedStage | Destination;

/** Who needs what on a device, in one generation. */
export class Routes {
  readonly stages: readonly DeployedStage[];
  readonly destinations: readonly Destination[];
  readonly #consumers = new Map<string, DeployedStage[]>();
  readonly #destinations = new Map<string, Destination[]>();
  readonly #compositions = new Map<string, Composition[]>();
  readonly #tiling: Tiling;

  constructor({ stages, forwards, answers, tiling }: DeviceDeployment) {
    this.stages = stages;
    this.#tiling = tiling ?? { extents: {}, compositions: [] };
    for (const composition of this.#tiling.compositions) {
      for (const region of composition.from) append(this.#compositions, region, composition);
    }
    this.destinations = [...forwards, ...answers.map((tensor) => ({ tensor, to: null }))];
    for (const stage of stages) {
      for (const tensor of stage.inputs) append(this.#consumers, tensor, stage);
    }
    for (const one of this.destinations) append(this.#destinations, one.tensor, one);
  }

  consumersOf(tensor: string): readonly DeployedStage[] {
    return this.#consumers.get(tensor) ?? [];
  }

  destinationsOf(tensor: string): readonly Destination[] {
    return this.#destinations.get(tensor) ?? [];
  }

  /** What a region is put into, or cut for. */
  compositionsWith(region: string): readonly Composition[] {
    return this.#compositions.get(region) ?? [];
  }

  /** Everything that something here is made from or goes to: what is put together behind its regions. */
  get regions(): readonly string[] {
    const { compositions } = this.#tiling;
    const direct = [...this.#consumers.keys(), ...this.#destinations.keys()];
    return [...new Set([...direct, ...compositions.flatMap(({ from }) => from)])];
  }

  /** What a part calls a region. */
  tensorOf(region: string): string {
    return readRegion(region, this.#tiling.extents).tensor;
  }

  /** A stitching of one region; each of `values` is named. `null`: they do not hold all of it. */
  composeFrom(region: string, values: ReadonlyMap<string, TensorValue>): TensorValue | null {
    const composition = compose(region, values.keys(), this.#tiling.extents, mostKeptRegions);
    if (composition === null) return null;
    const stitching = this.stitching(region);
    for (const name of composition.from) {
      const value = values.get(name);
      const made = value === undefined ? null : this.stitch(stitching, name, value);
      if (made !== null) return made;
    }
    return null;
  }

  stitching(region: string): Stitching {
    return new Stitching(readRegion(region, this.#tiling.extents).region ?? []);
  }

  /** @throws TENSOR_SHAPE_MISMATCH if the value is not the region that its name says */
  stitch(stitching: Stitching, name: string, value: TensorValue): TensorValue | null {
    return stitching.add(value, readRegion(name, this.#tiling.extents).region ?? []);
  }

  /** Everything that is to be done for a request; with `resume` only what it names. */
  tasks(resume: Resume | null): Set<Task> {
    if (resume === null) return new Set<Task>([...this.stages, ...this.destinations]);
    const stages = new Set(resume.stages);
    const answers = new Set(resume.answers);
    const isNamed = ({ tensor, to }: Destination) =>
      to === null
        ? answers.has(tensor)
        : resume.forwards.some((other) => other.tensor === tensor && other.to === to);
    return new Set<Task>([
      ...this.stages.filter(({ id }) => stages.has(id)),
      ...this.destinations.filter(isNamed),
    ]);
  }
}

/** A tensor that still has uses. */
export interface Held {
  readonly value: TensorValue;
  /** Somebody else holds its bytes too: a run must get a copy. */
  readonly isShared: boolean;
}

/** How far a send is: `blocked` while there is no channel, `sent` when a channel has taken it. */
export type SendState = "sending" | "blocked" | "sent";

export class Work {
  readonly request: number;
  /** On the clock: when the device first heard of it. */
  readonly heardAt: number;
  /** What is still to be done until the report. */
  readonly open: Set<Task>;
  /** Stages whose inputs are taken. */
  readonly begun: Set<DeployedStage> = new Set();
  readonly sends: Map<Destination, SendState> = new Map();
  /** Tensors that came or were made: a second copy is ignored. */
  readonly known: Set<string> = new Set();
  readonly held: Map<string, Held> = new Map();
  readonly stages: StageTiming[] = [];
  readonly hops: HopTiming[] = [];
  readonly receipts: Receipt[] = [];
  readonly #routes: Routes;
  /** What is put together here and lacks something, by region. */
  readonly #stitchings = new Map<string, Stitching>();
  /** What was said when it ended; `null` while it has not. */
  outcome: Report | Failure | null = null;

  constructor(request: number, heardAt: number, routes: Routes, resume: Resume | null) {
    this.request = request;
    this.heardAt = heardAt;
    this.#routes = routes;
    this.open = routes.tasks(resume);
  }

  /** Strikes out what is not named; what it needed goes. */
  narrow(resume: Resume): void {
    const named = this.#routes.tasks(resume);
    for (const task of this.open) if (!named.has(task)) this.open.delete(task);
    for (const tensor of this.held.keys()) this.release(tensor);
    for (const region of this.#stitchings.keys()) {
      if (!this.#isWanted(region)) this.#stitchings.delete(region);
    }
  }

  /** Nothing of it is to be done any more. */
  giveUp(): void {
    this.open.clear();
    this.held.clear();
    this.#stitchings.clear();
  }

  /** Bytes of what is put together and not there yet. */
  get stitchedBytes(): number {
    return [...this.#stitchings.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Copies a region into everything that is made from it and still wanted.
   *
   * @returns what is whole with it
   * @throws TENSOR_SHAPE_MISMATCH if it is not what its name says
   */
  stitch(name: string, value: TensorValue): (readonly [region: string, value: TensorValue])[] {
    const made: [string, TensorValue][] = [];
    for (const { name: region } of this.#routes.compositionsWith(name)) {
      if (this.known.has(region) || !this.#isWanted(region)) continue;
      const stitching = this.#stitchings.get(region) ?? this.#routes.stitching(region);
      this.#stitchings.set(region, stitching);
      const whole = this.#routes.stitch(stitching, name, value);
      if (whole === null) continue;
      this.#stitchings.delete(region);
      this.known.add(region);
      made.push([region, whole]);
    }
    return made;
  }

  /** What is lacking here and can be made of regions that are kept: it need not come. */
  *composable(
    kept: ReadonlyMap<string, TensorValue>,
  ): Generator<readonly [region: string, value: TensorValue]> {
    if (kept.size === 0) return;
    for (const region of this.#routes.regions) {
      if (this.known.has(region) || !this.#isLacking(region)) continue;
      const value = this.#routes.composeFrom(region, kept);
      if (value === null) continue;
      this.known.add(region);
      yield [region, value];
    }
  }

  #isWanted(region: string): boolean {
    return this.waiting(region).length > 0 || this.unsent(region).length > 0;
  }

  #isLacking(region: string): boolean {
    const compositions = this.#routes.compositionsWith(region);
    return (
      this.#isWanted(region) ||
      compositions.some(({ name: made }) => !this.known.has(made) && this.#isWanted(made))
    );
  }

  /** Stages that lack this tensor or have it and have not begun. */
  waiting(tensor: string): DeployedStage[] {
    return this.#routes
      .consumersOf(tensor)
      .filter((stage) => this.open.has(stage) && !this.begun.has(stage));
  }

  /** Sends of a tensor that are to be done and have not. */
  unsent(tensor: string): Destination[] {
    return this.#routes.destinationsOf(tensor).filter((send) => this.open.has(send));
  }

  isUsed(tensor: string): boolean {
    return this.waiting(tensor).length > 0 || this.unsent(tensor).length > 0;
  }

  isReady(stage: DeployedStage): boolean {
    return stage.inputs.every((tensor) => this.held.has(tensor));
  }

  /** Lets go of a tensor if nobody here needs it. */
  release(tensor: string): void {
    if (!this.isUsed(tensor)) this.held.delete(tensor);
  }
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
