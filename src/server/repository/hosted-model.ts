import type { Clock } from "../../base/clock.ts";
import { CodedError, messageOf } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import type { Client, InferOptions } from "../../cluster/client.ts";
import type { Coordinator } from "../../cluster/coordinator.ts";
import type { Inference } from "../../cluster/inference.ts";
import { takenBytes } from "../../cluster/sharing.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import type { Plan } from "../../plan/plan.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { DeclaredTensor, Signature } from "../../runtime/signature.ts";
import type { ModelState, RepositoryEntry, ServedModel } from "../served-model.ts";

/** What a model is run by. */
export interface ModelHost {
  readonly clock: Clock;
  /** Has devices join for the model. @throws as `Coordinator.start` */
  start(model: string, plan: Plan, joinSeconds: number | null): Promise<Coordinator>;
  /** @throws as `connectClient` */
  connect(model: string): Promise<Client>;
  /** Its coordinator has ended: devices let go of the model. */
  release(model: string): Promise<void>;
}

/** Between two attempts to reach where requests are taken. */
const pauseSeconds = seconds(1);

/** A model that devices are to run, from being loaded to being unloaded, perhaps several times. */
export class HostedModel implements ServedModel {
  readonly name: string;
  readonly version = "1";
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  readonly #host: ModelHost;
  #state: ModelState = "UNAVAILABLE";
  #reason = "it was not loaded";
  #plan: Plan | null = null;
  #coordinator: Coordinator | null = null;
  #client: Client | null = null;
  /** How often it was to be loaded: what an earlier load comes to counts no more. */
  #loads = 0;
  #underWay = 0;
  /** Called when nothing is under way any more. */
  readonly #onIdle = new Set<() => void>();
  /** What it does at the moment; whoever wants something else waits for it. */
  #busy: Promise<void> = Promise.resolve();

  constructor(name: string, { inputs, outputs }: Signature, host: ModelHost) {
    this.name = name;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#host = host;
  }

  get maxBatch(): number {
    return this.plan?.batch?.most ?? 1;
  }

  get entry(): RepositoryEntry {
    const { name, version } = this;
    const entry = { name, version };
    if (this.#state === "READY" && this.#coordinator?.serving === null) {
      // Devices are lost, and what is asked waits for another plan.
      return { ...entry, state: "UNAVAILABLE", reason: this.#coordinator.status().why ?? "" };
    }
    const waits = this.#state === "LOADING" ? (this.#coordinator?.status().why ?? null) : null;
    return { ...entry, state: this.#state, reason: waits ?? this.#reason };
  }

  get isLoaded(): boolean {
    return this.#state === "READY";
  }

  get isLoading(): boolean {
    return this.#state === "LOADING";
  }

  /** By which it runs, ran last or soon will; `null`: it takes nothing of any device. */
  get plan(): Plan | null {
    return this.#coordinator?.plan ?? this.#plan;
  }

  /** Of its cluster; `null`: it has none. */
  get status(): ClusterStatus | null {
    return this.#coordinator?.status() ?? null;
  }

  /** Bytes that it takes of a device. */
  takesBytes(device: string): number {
    return takenBytes(this.#coordinator, this.plan, device);
  }

  /** It finds no place. */
  refuse(reason: string): void {
    this.#state = "UNAVAILABLE";
    this.#reason = reason;
  }

  /**
   * Resolves when it can be asked. What it asks of devices counts from now on.
   *
   * @param joinSeconds how long devices may take to join; `null`: for ever
   * @throws what it could not be loaded for, which `entry` says, too
   */
  async load(plan: Plan, joinSeconds: number | null): Promise<void> {
    this.#state = "LOADING";
    this.#reason = "its coordinator starts";
    this.#plan = plan;
    const load = ++this.#loads;
    await this.#inTurn(() => this.#load(load, plan, joinSeconds));
  }

  /** Resolves when what was asked is answered and no device holds anything of it. */
  async unload(): Promise<void> {
    const wasLoading = this.isLoading;
    if (!this.isLoaded && !wasLoading && this.#coordinator === null) return await this.#busy;
    this.#state = "UNLOADING";
    this.#reason = "it is being unloaded";
    // Nobody has been answered yet: there is nothing to wait for.
    if (wasLoading) void this.#coordinator?.close();
    await this.#inTurn(() => this.#unload());
  }

  async infer(inputs: TensorValues, options?: InferOptions): Promise<Inference> {
    const client = this.#client;
    if (client === null || this.#state !== "READY") throw notReady(this.entry);
    this.#underWay++;
    try {
      return await client.infer(inputs, options);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#wakeIdle();
    }
  }

  /**
   * Nothing of it is run by this process any more, while devices go on. Resolves at once; what was
   * asked is answered still.
   */
  async abandon(reason: string): Promise<void> {
    this.refuse(reason);
    const [client, coordinator] = [this.#client, this.#coordinator];
    this.#client = null;
    this.#coordinator = null;
    this.#plan = null;
    void this.#idle().then(() => client?.close());
    await coordinator?.abandon();
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#busy.then(task);
    this.#busy = done.catch(() => undefined);
    await done;
  }

  async #load(load: number, plan: Plan, joinSeconds: number | null): Promise<void> {
    try {
      const coordinator = await this.#host.start(this.name, plan, joinSeconds);
      this.#coordinator = coordinator;
      // Whoever unloaded it meanwhile found nothing to close.
      this.#checkWanted(load);
      await coordinator.ready();
      const client = await this.#host.connect(this.name);
      this.#client = client;
      this.#checkWanted(load);
      this.#state = "READY";
      this.#reason = "";
      void this.#stayConnected(coordinator, client);
      void coordinator.ended.then((error) => this.#lose(error));
    } catch (error) {
      try {
        await this.#release();
      } finally {
        if (this.#isWanted(load)) this.refuse(messageOf(error));
      }
      throw error;
    }
  }

  /** @throws MODEL_NOT_READY if it is not to be loaded any more */
  #checkWanted(load: number): void {
    if (!this.#isWanted(load)) throw notReady(this.entry);
  }

  #isWanted(load: number): boolean {
    return this.isLoading && this.#loads === load;
  }

  async #unload(): Promise<void> {
    await this.#idle();
    try {
      await this.#release();
    } finally {
      this.refuse("it was unloaded");
    }
  }

  async #idle(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle.add(resolve);
    });
  }

  #wakeIdle(): void {
    for (const wake of this.#onIdle) wake();
    this.#onIdle.clear();
  }

  async #release(): Promise<void> {
    const [client, coordinator] = [this.#client, this.#coordinator];
    this.#client = null;
    await client?.close();
    await coordinator?.close();
    this.#coordinator = null;
    this.#plan = null;
    if (coordinator !== null) await this.#host.release(this.name);
  }

  /** Its coordinator has ended by itself. */
  async #lose(error: CodedError | null): Promise<void> {
    if (!this.isLoaded) return;
    const reason = error?.message ?? "its coordinator has ended";
    this.refuse(reason);
    try {
      await this.#inTurn(() => this.#release());
    } catch (failure) {
      this.refuse(`${reason}; then ${messageOf(failure)}`);
    }
  }

  /** A client ends when nobody takes requests for too long: another one takes its place. */
  async #stayConnected(coordinator: Coordinator, first: Client): Promise<void> {
    for (let client = first; ; ) {
      await client.ended;
      if (this.#coordinator !== coordinator || !this.isLoaded) return;
      try {
        client = await this.#host.connect(this.name);
      } catch {
        // The source is still away, as whoever asks is told.
        await this.#host.clock.sleep(pauseSeconds);
        continue;
      }
      if (this.#coordinator !== coordinator || this.#client === null) return await client.close();
      this.#client = client;
    }
  }
}

/** Why a model cannot be asked. */
export function notReady({ name, state, reason }: RepositoryEntry): CodedError {
  return new CodedError(
    "MODEL_NOT_READY",
    `model '${name}' cannot be asked: ${reason || state.toLowerCase()}`,
    { model: name, state },
  );
}
