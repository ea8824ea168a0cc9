/**
 * What one device has to do for one request, and what it holds until then.
 *
 * @module
 */
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Failure, HopTiming, Receipt, Report, Resume, StageTiming } from "./data-message.ts";
import type { DeployedStage, DeviceDeployment } from "./deployment.ts";

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

  constructor({ stages, forwards, answers }: DeviceDeployment) {
    this.stages = stages;
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
  /** What was said when it ended; `null` while it has not. */
  outcome: Report | Failure | null = null;

  constructor(request: number, routes: Routes, resume: Resume | null) {
    this.request = request;
    this.#routes = routes;
    this.open = routes.tasks(resume);
  }

  /** Strikes out what is not named; what it needed goes. */
  narrow(resume: Resume): void {
    const named = this.#routes.tasks(resume);
    for (const task of this.open) if (!named.has(task)) this.open.delete(task);
    for (const tensor of this.held.keys()) this.release(tensor);
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
