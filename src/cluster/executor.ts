import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Session, TensorValues } from "../runtime/runtime.ts";
import type { Coder } from "./coder.ts";
import type { Failure, Report, Resume } from "./data-message.ts";
import type { DeployedStage, DeviceDeployment } from "./deployment.ts";
import type { Keeper } from "./keeper.ts";
import type { Sent } from "./outbox.ts";
import type { Processor } from "./processor.ts";
import { toWire } from "./protocol.ts";
import { RecentLeast } from "./recent-least.ts";
import { type Destination, Routes, Work } from "./work.ts";

export interface ExecutorOptions {
  readonly deployment: DeviceDeployment;
  /** By the stage's id. */
  readonly sessions: ReadonlyMap<string, Session>;
  readonly clock: Clock;
  /** Of the device: all its generations share it. */
  readonly processor: Processor;
  /** Of the device, too. */
  readonly keeper: Keeper;
  /** Left out: nothing is to be coded. */
  readonly coder?: Coder;
  /**
   * Sends a tensor to a device; `null`: to whoever asked. The value stays untouched for ever; with a
   * codec its bytes are coded ones. If it rejects with CHANNEL_CLOSED, the tensor waits for `reached`.
   */
  readonly deliver: (
    to: string | null,
    request: number,
    tensor: string,
    value: TensorValue,
    codec?: string,
  ) => Promise<Sent>;
  /** Called when the device has done everything for a request, or cannot; again after `reached`. */
  readonly onOutcome: (outcome: Report | Failure) => void;
}

/** How a tensor came from another device. */
export interface Arrived {
  readonly from: string;
  /** On the channel. */
  readonly bytes: number;
  /** From its first byte to its last. */
  readonly transitSeconds: number;
  readonly decodeSeconds: number;
}

const nothing = () => undefined;

/**
 * Runs the stages of one device in one generation: a stage runs when all its inputs are there, one
 * at a time, the oldest request first; what is made or relayed is sent on at once. Receiving,
 * computing and sending of successive requests overlap. Holds as many requests as are in flight, no
 * more. Whatever comes twice, or for a request that is settled, is ignored.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #routes: Routes;
  readonly #works = new Map<number, Work>();
  readonly #least = new RecentLeast();
  /** How often a channel has come up again, by where it leads. */
  readonly #epochs = new Map<string | null, number>();
  #isClosed = false;
  #peakRequests = 0;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#routes = new Routes(options.deployment);
  }

  /** Requests that something is still to be done for. */
  get requests(): number {
    let open = 0;
    for (const { outcome } of this.#works.values()) if (outcome === null) open++;
    return open;
  }

  /** The most requests that there ever were at once. */
  get peakRequests(): number {
    return this.#peakRequests;
  }

  /** Bytes of tensors that wait here, or for the rest of their regions, and are not with the keeper. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { held, stitchedBytes } of this.#works.values()) {
      bytes += stitchedBytes;
      for (const { value, isShared } of held.values())
        if (!isShared) bytes += value.data.byteLength;
    }
    return bytes;
  }

  /**
   * Takes in a tensor; left out how it came: it enters here, and its bytes stay with whoever gave
   * them.
   */
  accept(request: number, tensor: string, value: TensorValue, arrived?: Arrived): void {
    const work = this.#open(request, null);
    if (work === null || work.known.has(tensor)) return;
    work.known.add(tensor);
    if (arrived === undefined) {
      this.#enter(work, tensor, value, true);
      return;
    }
    const { from, bytes, transitSeconds, decodeSeconds } = arrived;
    const to = this.#options.deployment.device;
    work.receipts.push({ tensor, from, to, bytes, seconds: transitSeconds });
    if (decodeSeconds === 0) this.#enter(work, tensor, value, false);
    else void this.#enterLate(work, tensor, value, decodeSeconds);
  }

  /**
   * Begins a request. With `resume` only what it names is to be done, and what is kept here of the
   * request need not come; work that had begun is narrowed to it.
   */
  begin(request: number, resume: Resume | null): void {
    const isNew = !this.#works.has(request);
    const work = this.#open(request, resume);
    if (work === null || resume === null) return;
    if (!isNew) work.narrow(resume);
    const kept = this.#recall(request);
    for (const [tensor, value] of kept) {
      if (work.known.has(tensor)) continue;
      work.known.add(tensor);
      this.#enter(work, tensor, value, true);
    }
    for (const [region, value] of work.composable(kept)) this.#enter(work, region, value, false);
    this.#conclude(work);
  }

  /** What is kept of a request: it stays. */
  #recall(request: number): Map<string, TensorValue> {
    const { keeper } = this.#options;
    const kept = keeper.recall(request).flatMap((tensor) => {
      const value = keeper.get(request, tensor);
      return value === undefined ? [] : [[tensor, value] as const];
    });
    return new Map(kept);
  }

  /** A tensor of a request could not be taken in. */
  refuse(request: number, error: unknown): void {
    const work = this.#open(request, null);
    if (work !== null) this.#fail(work, error);
  }

  /** The keeper has learnt what is settled: drops what is held of that. */
  settle(): void {
    for (const request of [...this.#works.keys()]) {
      if (this.#options.keeper.isSettled(request)) this.#works.delete(request);
    }
  }

  /**
   * There is a channel again, to a device or (`null`) to whoever asks: what could not go goes now, and
   * outcomes are told again.
   */
  reached(to: string | null): void {
    this.#epochs.set(to, this.#epochOf(to) + 1);
    for (const work of this.#works.values()) {
      for (const [destination, state] of work.sends) {
        if (destination.to === to && state === "blocked") void this.#send(work, destination);
      }
      if (to === null && work.outcome !== null) this.#options.onOutcome(work.outcome);
    }
  }

  /** Drops everything; what comes from now on is ignored. */
  close(): void {
    this.#isClosed = true;
    this.#works.clear();
  }

  #open(request: number, resume: Resume | null): Work | null {
    const known = this.#works.get(request);
    if (known !== undefined) return known;
    if (this.#isClosed || this.#options.keeper.isSettled(request)) return null;
    const work = new Work(request, this.#options.clock.now(), this.#routes, resume);
    this.#works.set(request, work);
    this.#peakRequests = Math.max(this.#peakRequests, this.requests);
    for (const stage of this.#routes.stages) {
      if (stage.inputs.length === 0) this.#enqueue(work, stage);
    }
    return work;
  }

  #isAlive(work: Work): boolean {
    return this.#works.get(work.request) === work;
  }

  /** A slower device would still be decoding. */
  async #enterLate(
    work: Work,
    tensor: string,
    value: TensorValue,
    decodeSeconds: number,
  ): Promise<void> {
    const { clock, processor } = this.#options;
    await processor.occupy(clock.now() - decodeSeconds, decodeSeconds);
    if (this.#isAlive(work)) this.#enter(work, tensor, value, false);
  }

  #enter(work: Work, tensor: string, value: TensorValue, isShared: boolean): void {
    try {
      for (const send of this.#place(work, tensor, value, isShared)) send();
    } catch (error) {
      this.#fail(work, error);
    }
  }

  /**
   * Hands a tensor to everyone who needs it, and what is whole with it, too.
   *
   * @returns the sends, which are to be begun behind the next run: it else would wait for them
   * @throws TENSOR_SHAPE_MISMATCH if it is a region, and not what its name says
   */
  #place(work: Work, tensor: string, value: TensorValue, isShared: boolean): (() => void)[] {
    const unsent = work.unsent(tensor);
    const waiting = work.waiting(tensor);
    // Before a run takes its bytes away.
    const composed = work
      .stitch(tensor, value)
      .flatMap((made) => this.#place(work, ...made, false));
    if (unsent.length + waiting.length === 0) return composed;
    if (unsent.length > 0) this.#options.keeper.keep(work.request, tensor, value);
    work.held.set(tensor, { value, isShared: isShared || unsent.length > 0 });
    for (const stage of waiting) if (work.isReady(stage)) this.#enqueue(work, stage);
    return [...unsent.map((destination) => () => void this.#send(work, destination)), ...composed];
  }

  async #send(work: Work, destination: Destination): Promise<void> {
    const { tensor, to, codec } = destination;
    const found = work.held.get(tensor)?.value ?? this.#options.keeper.get(work.request, tensor);
    if (found === undefined || !this.#isAlive(work)) return;
    const epoch = this.#epochOf(to);
    const startSeconds = this.#options.clock.now() - work.heardAt;
    work.sends.set(destination, "sending");
    try {
      const { value, encodeSeconds } = await this.#encode(tensor, found, codec);
      const sent = await this.#options.deliver(to, work.request, tensor, value, codec);
      work.sends.set(destination, "sent");
      if (work.open.delete(destination) && to !== null) {
        const from = this.#options.deployment.device;
        const bytes = value.data.byteLength;
        work.hops.push({ tensor, from, to, bytes, startSeconds, encodeSeconds, ...sent });
      }
      work.release(tensor);
      this.#conclude(work);
    } catch (error) {
      work.sends.set(destination, "blocked");
      if (!isCoded(error) || error.code !== "CHANNEL_CLOSED") this.#fail(work, error);
      // There has been a channel again in the meantime.
      else if (epoch !== this.#epochOf(to)) await this.#send(work, destination);
    }
  }

  async #encode(
    tensor: string,
    value: TensorValue,
    codec: string | undefined,
  ): Promise<{ value: TensorValue; encodeSeconds: number }> {
    if (codec === undefined) return { value, encodeSeconds: 0 };
    const { clock, coder, processor } = this.#options;
    if (coder === undefined) throw new Error(`nothing here can code with '${codec}'`);
    const start = clock.now();
    const coded = coder.encode(codec, tensor, value);
    await processor.occupy(start, coded.seconds);
    return { value: coded.value, encodeSeconds: clock.now() - start };
  }

  #epochOf(to: string | null): number {
    return this.#epochs.get(to) ?? 0;
  }

  /** Reports a request that nothing is left to be done for. */
  #conclude(work: Work): void {
    if (work.open.size > 0 || work.outcome !== null || !this.#isAlive(work)) return;
    const { generation } = this.#options.deployment;
    const { request, stages, hops, receipts } = work;
    work.outcome = { type: "report", generation, request, stages, hops, receipts };
    this.#options.onOutcome(work.outcome);
  }

  #fail(work: Work, error: unknown): void {
    if (work.outcome !== null || !this.#isAlive(work)) return;
    work.giveUp();
    const { generation } = this.#options.deployment;
    work.outcome = { type: "failure", generation, request: work.request, error: toWire(error) };
    this.#options.onOutcome(work.outcome);
  }

  #enqueue(work: Work, stage: DeployedStage): void {
    const sinceSeconds = this.#options.clock.now();
    this.#options.processor.enqueue({
      request: work.request,
      position: this.#routes.stages.indexOf(stage),
      isWanted: () => this.#isAlive(work) && work.open.has(stage) && !work.begun.has(stage),
      run: () => this.#run(work, stage, sinceSeconds),
    });
  }

  /** @returns what is to be sent */
  async #run(work: Work, stage: DeployedStage, sinceSeconds: number): Promise<() => void> {
    const { clock, deployment, processor, sessions } = this.#options;
    const startSeconds = clock.now();
    try {
      const session = sessions.get(stage.id);
      if (session === undefined) throw new Error(`stage '${stage.id}' was never loaded`);
      const inputs = this.#take(work, stage);
      // As many requests as go together take their own time.
      const kind = `${stage.id} ${Object.values(inputs)[0]?.shape[0] ?? 0}`;
      const { outputs, computeSeconds } = await session.run(inputs);
      // Only a slower device waits for this: what disturbs this machine must not take longer as well.
      await processor.occupy(sinceSeconds, this.#least.take(kind, computeSeconds));
      if (!this.#isAlive(work)) return nothing;
      work.stages.push({
        stage: stage.id,
        device: deployment.device,
        startSeconds: sinceSeconds - work.heardAt,
        queueSeconds: startSeconds - sinceSeconds,
        computeSeconds,
        busySeconds: clock.now() - startSeconds,
      });
      const sends = stage.outputs.flatMap((tensor) => {
        const value = made(outputs, this.#routes.tensorOf(tensor), stage);
        if (work.known.has(tensor)) return [];
        work.known.add(tensor);
        return this.#place(work, tensor, value, false);
      });
      work.open.delete(stage);
      this.#conclude(work);
      return () => {
        for (const send of sends) send();
      };
    } catch (error) {
      this.#fail(work, error);
      return nothing;
    }
  }

  /** The inputs of a run, which transfers them away: what has another use is copied. */
  #take(work: Work, stage: DeployedStage): TensorValues {
    work.begun.add(stage);
    const inputs = stage.inputs.map((tensor) => {
      const held = work.held.get(tensor);
      if (held === undefined) throw new Error(`stage '${stage.id}' began without '${tensor}'`);
      const isCopied = held.isShared || work.isUsed(tensor);
      work.release(tensor);
      const { value } = held;
      const name = this.#routes.tensorOf(tensor);
      return [name, isCopied ? { ...value, data: value.data.slice() } : value] as const;
    });
    return Object.fromEntries(inputs);
  }
}

function made(outputs: TensorValues, tensor: string, stage: DeployedStage): TensorValue {
  const value = outputs[tensor];
  if (value !== undefined) return value;
  throw new CodedError(
    "RUNTIME_FAILED",
    `stage '${stage.id}' did not make tensor '${tensor}', which its part should (made: ${Object.keys(outputs).join(", ")})`,
    { stage: stage.id, tensor },
  );
}
