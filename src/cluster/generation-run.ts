import type { Clock } from "../base/clock.ts";
import type { CodedError } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { BlobFetcher } from "./blob-fetcher.ts";
import { Coder } from "./coder.ts";
import type { BlobReference, Deploy, OfferedPart, Want } from "./control-message.ts";
import type { Begin, Failure, Report, TensorMessage } from "./data-message.ts";
import type { Arrival } from "./deployment.ts";
import { Executor, type ExecutorOptions } from "./executor.ts";
import type { Keeper } from "./keeper.ts";
import type { LoadedParts, PartLoader } from "./part-loader.ts";
import type { Processor } from "./processor.ts";
import { fromWire, malformed, type Received, tensorOf } from "./protocol.ts";
import { warmUp } from "./warm-up.ts";

/** What all generations of a device share. */
export interface RunOptions {
  readonly clock: Clock;
  readonly memoryBytes: number | null;
  readonly processorSeconds?: (() => number) | undefined;
  readonly processor: Processor;
  readonly keeper: Keeper;
  readonly fetcher: BlobFetcher;
  readonly loader: PartLoader;
  /** Sends a tensor on; `to: null`: to the gateway. */
  readonly deliver: (
    run: GenerationRun,
    ...tensor: Parameters<ExecutorOptions["deliver"]>
  ) => ReturnType<ExecutorOptions["deliver"]>;
  readonly onOutcome: (run: GenerationRun, outcome: Report | Failure) => void;
  /** A part of it runs no more, and could not be loaded again. */
  readonly onPartLost: (run: GenerationRun, error: CodedError) => void;
}

/** One generation on one device: its parts, then what runs them. */
export class GenerationRun {
  readonly generation: number;
  /** Whether its channels stand, or have stood. */
  stands = false;
  readonly #options: RunOptions;
  readonly #dropped = new AbortController();
  #fetching = new AbortController();
  #loaded: LoadedParts | null = null;
  #loading: Promise<void> | null = null;
  #deploy: Deploy | null = null;
  #deploying: Promise<void> | null = null;
  #coder: Coder | null = null;
  #executor: Executor | null = null;

  constructor(generation: number, options: RunOptions) {
    this.generation = generation;
    this.#options = options;
  }

  /** What it was told; `null` until then. */
  get deployed(): Deploy["body"] | null {
    return this.#executor === null ? null : (this.#deploy?.body ?? null);
  }

  get isStandby(): boolean {
    return this.#deploy?.standby ?? false;
  }

  get isDropped(): boolean {
    return this.#dropped.signal.aborted;
  }

  hasStage(stage: string): boolean {
    return this.#loaded?.sessions.has(stage) ?? false;
  }

  get requests(): number {
    return this.#executor?.requests ?? 0;
  }

  get peakRequests(): number {
    return this.#executor?.peakRequests ?? 0;
  }

  get heldBytes(): number {
    return this.#executor?.heldBytes ?? 0;
  }

  /** Devices that tensors come from or go to. */
  get neighbours(): readonly string[] {
    const { receives = [], forwards = [] } = this.#deploy?.body.deployment ?? {};
    const names = [...receives.map(({ from }) => from), ...forwards.map(({ to }) => to)];
    return [...new Set(names.filter((name) => name !== null))];
  }

  /** Devices whose reports and answers come here, on the source; the source, elsewhere. */
  get reporters(): readonly string[] {
    const { gateway, source } = this.#deploy?.body ?? {};
    if (gateway) return gateway.deployment.devices.map(({ device }) => device);
    return source === undefined ? [] : [source];
  }

  /**
   * Fetches the parts' blobs and loads them. Called again, it asks again for what is still missing.
   *
   * @param ask for blobs
   * @returns whether they are loaded: not if it was called again or dropped in the meantime
   * @throws what `BlobFetcher.fetch` and `PartLoader.load` throw
   */
  async prepare(
    parts: readonly OfferedPart[],
    ask: (blobs: Want["body"]["blobs"]) => void,
  ): Promise<boolean> {
    this.#fetching.abort();
    this.#fetching = new AbortController();
    const { signal } = this.#fetching;
    const { fetcher } = this.#options;
    if (this.isDropped) return false;
    // What comes later must not push out of a small store what came before.
    const letGo = fetcher.hold(referencesOf(parts));
    try {
      await this.#load(parts, ask, signal);
      return !signal.aborted;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    } finally {
      letGo();
    }
  }

  /**
   * What was changed in the store, or pushed out by another process, shows when it is read, one blob
   * after the other: each is fetched once more.
   */
  async #load(
    parts: readonly OfferedPart[],
    ask: (blobs: Want["body"]["blobs"]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { fetcher, loader, keeper: tenant } = this.#options;
    const references = referencesOf(parts);
    const borrower = { tenant, signal: this.#dropped.signal };
    for (let attempt = 1; ; attempt++) {
      await fetcher.fetch(references, ask, signal);
      const onLost = (error: CodedError) => this.#options.onPartLost(this, error);
      this.#loading ??= loader.load(parts, onLost, borrower).then((loaded) => {
        if (this.isDropped) loaded.release();
        else this.#loaded = loaded;
      });
      const loading = this.#loading;
      try {
        await loading;
        return;
      } catch (error) {
        if (attempt > references.length || (await fetcher.hasAll(references))) throw error;
        if (this.#loading === loading) this.#loading = null;
      }
    }
  }

  /** Makes everything ready to run. Idempotent. */
  async deploy(deploy: Deploy): Promise<void> {
    this.#deploying ??= this.#open(deploy);
    await this.#deploying;
  }

  async #open(deploy: Deploy): Promise<void> {
    this.#deploy = deploy;
    await this.#loading;
    const { deployment } = deploy.body;
    const { clock, processorSeconds, memoryBytes, processor, keeper } = this.#options;
    this.#coder = await Coder.open(deployment, { clock, processorSeconds, memoryBytes });
    if (this.isDropped) return;
    this.#executor = new Executor({
      deployment,
      sessions: this.#loaded?.sessions ?? new Map(),
      clock,
      processor,
      keeper,
      coder: this.#coder,
      deliver: (...tensor) => this.#options.deliver(this, ...tensor),
      onOutcome: (outcome) => this.#options.onOutcome(this, outcome),
    });
    if (deploy.standby) {
      warmUp(this.#loaded?.sessions.values() ?? [], processor, () => !this.isDropped);
    }
  }

  /** What a tensor of so many bytes weighs on a hop of the plan; `undefined`: this plan does not say. */
  weightOf(device: string, tensor: string, bytes: number): number | undefined {
    const forwards = this.#deploy?.body.deployment.forwards ?? [];
    const found = forwards.find((other) => other.to === device && other.tensor === tensor);
    return found?.weightPerByte === undefined ? found?.bytes : found.weightPerByte * bytes;
  }

  /** A graph input enters; its bytes stay with whoever gave it. */
  enter(request: number, tensor: string, value: TensorValue): void {
    this.#executor?.accept(request, tensor, value);
  }

  /**
   * How a tensor comes from another device; `undefined`: nothing runs yet.
   *
   * @throws FRAME_MALFORMED if it does not
   */
  expects(from: string, { tensor }: TensorMessage): Arrival | undefined {
    const expected = this.#deploy?.body.deployment.receives.find(
      (other) => other.tensor === tensor && other.from === from,
    );
    if (this.#executor === null || expected !== undefined) return expected;
    throw malformed(`tensor '${tensor}'`, `it does not come from ${from} here`);
  }

  /**
   * A tensor has come from another device.
   *
   * @throws FRAME_MALFORMED if it has no business to send it, or its bytes are not what it says
   */
  receive(from: string, received: Received<TensorMessage>, transitSeconds: number): void {
    const { tensor, request } = received.message;
    const expected = this.expects(from, received.message);
    if (expected === undefined || this.#executor === null) return;
    const bytes = received.payload.byteLength;
    const { value, seconds } =
      expected.codec === undefined || this.#coder === null
        ? { value: tensorOf(received), seconds: 0 }
        : this.#coder.decode(expected.codec, received);
    const arrived = { from, bytes, transitSeconds, decodeSeconds: seconds };
    this.#executor.accept(request, tensor, value, arrived);
  }

  /**
   * A tensor was refused, as there was no room for it.
   *
   * @throws FRAME_MALFORMED if none comes from there
   */
  refuse(from: string, { request, error }: Failure): void {
    const { receives = [] } = this.#deploy?.body.deployment ?? {};
    if (this.#executor === null) return;
    if (!receives.some((other) => other.from === from)) {
      throw malformed(`a failure of request ${request}`, `nothing comes from ${from} here`);
    }
    this.#executor.refuse(request, fromWire(error));
  }

  begin({ request, resume }: Begin): void {
    this.#executor?.begin(request, resume);
  }

  settle(): void {
    this.#executor?.settle();
  }

  /** A channel stands again. */
  reached(device: string): void {
    this.#executor?.reached(device);
    if (device === this.#deploy?.body.source) this.#executor?.reached(null);
  }

  /** It is over here. */
  drop(): void {
    this.#dropped.abort();
    this.#fetching.abort();
    this.#executor?.close();
    this.#loaded?.release();
  }
}

function referencesOf(parts: readonly OfferedPart[]): BlobReference[] {
  return parts.flatMap(({ skeleton, weights }) => [skeleton, ...weights]);
}
