import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { RunResult, Session, TensorValues } from "../runtime/runtime.ts";
import type { Coder } from "./coder.ts";
import type { DeployedStage, DeviceDeployment } from "./deployment.ts";
import type { HopTiming, Report, StageTiming } from "./message.ts";
import type { Sent } from "./outbox.ts";
import { Processor } from "./processor.ts";
import { malformed } from "./protocol.ts";
import { RecentLeast } from "./recent-least.ts";

export interface ExecutorOptions {
  readonly deployment: DeviceDeployment;
  /** By the stage's id. */
  readonly sessions: ReadonlyMap<string, Session>;
  readonly clock: Clock;
  /** Below 1, runs and coding are followed by waits, as if the device were that much slower. */
  readonly speed: number;
  /** Left out: nothing is to be coded. */
  readonly coder?: Coder;
  /**
   * Sends a tensor to a device; `null`: to whoever asked. The value stays untouched until then; with
   * a codec its bytes are coded ones. If it rejects with CHANNEL_CLOSED, whoever owns the channels
   * knows already.
   */
  readonly deliver: (
    to: string | null,
    request: number,
    tensor: string,
    value: TensorValue,
    codec?: string,
  ) => Promise<Sent>;
  /** Called when the device has done everything for a request. */
  readonly onReport: (report: Report) => void;
  /** Called when a request cannot go on here; nothing of it is kept. */
  readonly onFailure: (request: number, error: unknown) => void;
}

/** A tensor that still has uses: stages here that have not begun, sends that have not ended. */
interface Held {
  readonly value: TensorValue;
  uses: number;
}

/** What a device holds of one request. */
interface Work {
  readonly request: number;
  readonly held: Map<string, Held>;
  /** Tensors that were received. */
  readonly arrived: Set<string>;
  /** How many inputs each stage still lacks, in the order of the stages. */
  readonly lacking: number[];
  readonly stages: StageTiming[];
  readonly hops: HopTiming[];
  /** Tensors to come, stages to run and sends to end until the report. */
  open: number;
}

/** Where a tensor goes. */
interface Destination {
  /** `null`: to whoever asked. */
  readonly to: string | null;
  readonly codec?: string;
}

interface Ready {
  readonly work: Work;
  readonly stage: number;
  readonly sinceSeconds: number;
}

/** A stage that has begun. */
interface Run {
  readonly work: Work;
  readonly stage: DeployedStage;
  readonly sinceSeconds: number;
  readonly startSeconds: number;
  readonly result: Promise<RunResult>;
}

/** How many requests that were given up are remembered, for tensors of theirs that are late. */
const forgottenLimit = 1024;

/**
 * Runs the stages of one device: a stage runs when all its inputs are there, one at a time, the
 * oldest request first; what is made or relayed is sent on at once. Receiving, computing and sending
 * of successive requests overlap. Holds as many requests as are in flight, no more.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #consumers = new Map<string, number[]>();
  readonly #destinations = new Map<string, Destination[]>();
  readonly #works = new Map<number, Work>();
  readonly #forgotten = new Set<number>();
  #ready: readonly Ready[] = [];
  readonly #processor: Processor;
  readonly #least = new RecentLeast();
  #busy = false;
  #peakRequests = 0;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#processor = new Processor(options.clock, options.speed);
    const { stages, forwards, answers } = options.deployment;
    stages.forEach(({ inputs }, stage) => {
      for (const tensor of inputs) append(this.#consumers, tensor, stage);
    });
    for (const forward of forwards) append(this.#destinations, forward.tensor, forward);
    for (const tensor of answers) append(this.#destinations, tensor, { to: null });
  }

  /** Requests that something is held of. */
  get requests(): number {
    return this.#works.size;
  }

  /** The most requests that were ever held at once. */
  get peakRequests(): number {
    return this.#peakRequests;
  }

  /**
   * Takes in a tensor that was received.
   *
   * @param decodeSeconds what decoding it took
   * @throws FRAME_MALFORMED if this request has it already
   */
  accept(request: number, tensor: string, value: TensorValue, decodeSeconds = 0): void {
    const work = this.#open(request);
    if (work === null) return;
    if (work.arrived.has(tensor)) {
      throw malformed(`tensor '${tensor}'`, `it came twice for request ${request}`);
    }
    work.arrived.add(tensor);
    if (decodeSeconds === 0) this.#enter(work, tensor, value);
    else void this.#enterLate(work, tensor, value, decodeSeconds);
  }

  /** A slower device would still be decoding. */
  async #enterLate(
    work: Work,
    tensor: string,
    value: TensorValue,
    decodeSeconds: number,
  ): Promise<void> {
    await this.#processor.occupy(this.#options.clock.now() - decodeSeconds, decodeSeconds);
    if (this.#works.get(work.request) === work) this.#enter(work, tensor, value);
  }

  #enter(work: Work, tensor: string, value: TensorValue): void {
    const sends = this.#place(work, tensor, value);
    if (!this.#busy) void this.#drive();
    for (const send of sends) void send();
    this.#settle(work);
  }

  /** Lets stages run that need no tensor. */
  begin(request: number): void {
    this.#open(request);
    if (!this.#busy) void this.#drive();
  }

  /** Drops what is held of a request, and what may still come of it. */
  forget(request: number): void {
    this.#works.delete(request);
    this.#forgotten.add(request);
    const [oldest] = this.#forgotten;
    if (this.#forgotten.size > forgottenLimit && oldest !== undefined) {
      this.#forgotten.delete(oldest);
    }
  }

  #open(request: number): Work | null {
    const known = this.#works.get(request);
    if (known !== undefined) return known;
    if (this.#forgotten.has(request)) return null;
    const { stages, receives, forwards, answers } = this.#options.deployment;
    const work: Work = {
      request,
      held: new Map(),
      arrived: new Set(),
      lacking: stages.map(({ inputs }) => inputs.length),
      stages: [],
      hops: [],
      open: receives.length + stages.length + forwards.length + answers.length,
    };
    this.#works.set(request, work);
    this.#peakRequests = Math.max(this.#peakRequests, this.#works.size);
    work.lacking.forEach((lacking, stage) => {
      if (lacking === 0) this.#enqueue(work, stage);
    });
    return work;
  }

  /**
   * Hands a tensor to everyone who needs it.
   *
   * @returns the sends, which are to be begun behind the next run: it else would wait for them
   */
  #place(work: Work, tensor: string, value: TensorValue): (() => Promise<void>)[] {
    const destinations = this.#destinations.get(tensor) ?? [];
    const consumers = this.#consumers.get(tensor) ?? [];
    const held = { value, uses: destinations.length + consumers.length };
    if (held.uses > 0) work.held.set(tensor, held);
    for (const stage of consumers) {
      const lacking = (work.lacking[stage] as number) - 1;
      work.lacking[stage] = lacking;
      if (lacking === 0) this.#enqueue(work, stage);
    }
    return destinations.map((destination) => () => this.#send(work, tensor, held, destination));
  }

  async #send(work: Work, tensor: string, held: Held, destination: Destination): Promise<void> {
    const { deployment, deliver } = this.#options;
    const { to, codec } = destination;
    try {
      const { value, encodeSeconds } =
        codec === undefined
          ? { value: held.value, encodeSeconds: 0 }
          : await this.#encode(tensor, held.value, codec);
      const sent = await deliver(to, work.request, tensor, value, codec);
      held.uses--;
      if (held.uses === 0) work.held.delete(tensor);
      if (to !== null) {
        const bytes = value.data.byteLength;
        work.hops.push({ tensor, from: deployment.device, to, bytes, encodeSeconds, ...sent });
      }
      this.#settle(work);
    } catch (error) {
      if (!isCoded(error) || error.code !== "CHANNEL_CLOSED") this.#fail(work, error);
    }
  }

  async #encode(
    tensor: string,
    value: TensorValue,
    codec: string,
  ): Promise<{ value: TensorValue; encodeSeconds: number }> {
    const { clock, coder } = this.#options;
    if (coder === undefined) throw new Error(`nothing here can code with '${codec}'`);
    const start = clock.now();
    const coded = coder.encode(codec, tensor, value);
    await this.#processor.occupy(start, coded.seconds);
    return { value: coded.value, encodeSeconds: clock.now() - start };
  }

  /** One piece of a request's work is done. */
  #settle(work: Work): void {
    work.open--;
    if (work.open > 0 || this.#works.get(work.request) !== work) return;
    this.#works.delete(work.request);
    this.#options.onReport({
      type: "report",
      generation: this.#options.deployment.generation,
      request: work.request,
      stages: work.stages,
      hops: work.hops,
    });
  }

  #fail(work: Work, error: unknown): void {
    if (this.#works.get(work.request) !== work) return;
    this.forget(work.request);
    this.#options.onFailure(work.request, error);
  }

  #enqueue(work: Work, stage: number): void {
    const sinceSeconds = this.#options.clock.now();
    this.#ready = [...this.#ready, { work, stage, sinceSeconds }];
  }

  /** Runs what is ready until nothing is. */
  async #drive(): Promise<void> {
    this.#busy = true;
    for (let run = this.#start(); run !== null; ) {
      const sends = await this.#finish(run);
      run = this.#start();
      for (const send of sends) void send();
    }
    this.#busy = false;
  }

  #start(): Run | null {
    const ready = this.#oldest();
    if (ready === null) return null;
    const { clock, deployment, sessions } = this.#options;
    const stage = deployment.stages[ready.stage] as DeployedStage;
    const startSeconds = clock.now();
    const run = async () => {
      const session = sessions.get(stage.id);
      if (session === undefined) throw new Error(`stage '${stage.id}' was never loaded`);
      return await session.run(this.#take(ready.work, stage));
    };
    return { ...ready, stage, startSeconds, result: run() };
  }

  /** @returns what is to be sent */
  async #finish({ work, stage, sinceSeconds, startSeconds, result }: Run) {
    const { clock, deployment } = this.#options;
    try {
      const { outputs, computeSeconds } = await result;
      // Only a slower device waits for this: what disturbs this machine must not take longer as well.
      await this.#processor.occupy(sinceSeconds, this.#least.take(stage.id, computeSeconds));
      work.stages.push({
        stage: stage.id,
        device: deployment.device,
        queueSeconds: startSeconds - sinceSeconds,
        computeSeconds,
        busySeconds: clock.now() - startSeconds,
      });
      if (this.#works.get(work.request) !== work) return [];
      const sends = stage.outputs.flatMap((tensor) =>
        this.#place(work, tensor, made(outputs, tensor, stage)),
      );
      this.#settle(work);
      return sends;
    } catch (error) {
      this.#fail(work, error);
      return [];
    }
  }

  /** Oldest request first, so that what was begun leaves; within it, by the order of the stages. */
  #oldest(): Ready | null {
    let oldest: Ready | null = null;
    const alive = this.#ready.filter(({ work }) => this.#works.get(work.request) === work);
    for (const ready of alive) {
      if (oldest === null || isOlder(ready, oldest)) oldest = ready;
    }
    this.#ready = alive.filter((ready) => ready !== oldest);
    return oldest;
  }

  /** The inputs of a run, which transfers them away: what has another use is copied. */
  #take(work: Work, stage: DeployedStage): TensorValues {
    const inputs = stage.inputs.map((tensor) => {
      const held = work.held.get(tensor);
      if (held === undefined) throw new Error(`stage '${stage.id}' began without '${tensor}'`);
      const { value } = held;
      held.uses--;
      if (held.uses > 0) return [tensor, { ...value, data: value.data.slice() }] as const;
      work.held.delete(tensor);
      return [tensor, value] as const;
    });
    return Object.fromEntries(inputs);
  }
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function isOlder(one: Ready, other: Ready): boolean {
  if (one.work.request !== other.work.request) return one.work.request < other.work.request;
  return one.stage < other.stage;
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
