import { CodedError } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Deploy, Offer, Want } from "./control-message.ts";
import type { Begin, SettledMark, TensorMessage } from "./data-message.ts";
import { GenerationRun, type RunOptions } from "./generation-run.ts";
import { malformed, type Received } from "./protocol.ts";

/** Between two generations of a failover a device may be without any for as long. */
const idleBeats = 4;

export interface GenerationsOptions extends RunOptions {
  readonly blobs: BlobStore;
}

/**
 * The generations of a device: those that are prepared, run, stand by or drain. What belongs to one
 * that is over or was never heard of is passed over.
 */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #runs = new Map<number, GenerationRun>();
  #fencedBelow = 0;
  #idleBeats = 0;
  #prefetching = new AbortController();
  #unpin: () => void = () => undefined;
  /** Of generations that are gone. */
  #peakRequests = 0;

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  get(generation: number): GenerationRun | undefined {
    return this.#runs.get(generation);
  }

  /** What has a lower number is over. */
  get fencedBelow(): number {
    return this.#fencedBelow;
  }

  /** Those that could run, in rising order. */
  get deployed(): GenerationRun[] {
    const runs = [...this.#runs.values()].filter(({ deployed }) => deployed !== null);
    return runs.sort((one, other) => one.generation - other.generation);
  }

  get requests(): number {
    return this.deployed.reduce((sum, { requests }) => sum + requests, 0);
  }

  get peakRequests(): number {
    return Math.max(this.#peakRequests, ...this.deployed.map(({ peakRequests }) => peakRequests));
  }

  get heldBytes(): number {
    const waiting = this.deployed.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
    return waiting + this.#options.keeper.heldBytes;
  }

  /**
   * Fetches and loads the parts of an offer.
   *
   * @returns whether they are loaded now: not if it is over, or was offered again in the meantime
   */
  async prepare(
    { generation, body }: Offer,
    ask: (blobs: Want["body"]["blobs"]) => void,
  ): Promise<boolean> {
    if (generation < this.#fencedBelow) return false;
    return await this.#open(generation).prepare(body.parts, ask);
  }

  /**
   * Fetches blobs that may be needed, and holds on to them until the next call.
   *
   * @returns whether they are here now: not if there was a next call in the meantime
   */
  async prefetch({ body }: Offer, ask: (blobs: Want["body"]["blobs"]) => void): Promise<boolean> {
    this.#prefetching.abort();
    this.#prefetching = new AbortController();
    const { signal } = this.#prefetching;
    const { blobs, fetcher } = this.#options;
    const references = body.parts.flatMap(({ skeleton, weights }) => [skeleton, ...weights]);
    const unpin = this.#unpin;
    this.#unpin = blobs.pin(references.map(({ sha256 }) => sha256));
    unpin();
    try {
      await fetcher.fetch(references, ask, signal);
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
    return !signal.aborted;
  }

  /**
   * Makes a generation ready to run.
   *
   * @returns `null` if it is over
   * @throws PART_REFUSED if its parts were never offered
   */
  async deploy(deploy: Deploy): Promise<GenerationRun | null> {
    const { generation, fences, body } = deploy;
    if (generation < this.#fencedBelow) return null;
    const run = this.#open(generation);
    await run.deploy(deploy);
    if (run.isDropped) return null;
    const missing = body.deployment.stages.find(({ id }) => !run.hasStage(id));
    if (missing !== undefined) {
      const message = `generation ${generation} is to run stage '${missing.id}', whose part was not loaded`;
      throw new CodedError("PART_REFUSED", message, { generation, stage: missing.id });
    }
    if (fences) this.fence(generation);
    return run;
  }

  /** Ends what is older. */
  fence(below: number): void {
    this.#fencedBelow = Math.max(this.#fencedBelow, below);
    for (const run of [...this.#runs.values()]) {
      if (run.generation < this.#fencedBelow) this.drop(run);
    }
  }

  /** All but some. */
  besides(some: readonly number[]): readonly number[] {
    return [...this.#runs.keys()].filter((generation) => !some.includes(generation));
  }

  drop(run: GenerationRun): void {
    this.#peakRequests = this.peakRequests;
    this.#runs.delete(run.generation);
    run.drop();
  }

  clear(): void {
    this.#prefetching.abort();
    for (const run of [...this.#runs.values()]) this.drop(run);
    this.#unpin();
  }

  begin(message: Begin): void {
    this.#runs.get(message.generation)?.begin(message);
  }

  enter(generation: number, request: number, tensor: string, value: TensorValue): void {
    this.#runs.get(generation)?.enter(request, tensor, value);
  }

  /** Whether a tensor is of any use here. @throws FRAME_MALFORMED if it does not come from there */
  expects(from: string, message: TensorMessage): boolean {
    if (this.#options.keeper.isSettled(message.request)) return false;
    return this.#runs.get(message.generation)?.expects(from, message) !== undefined;
  }

  /**
   * Takes what has come over a hop channel: a tensor, or that there was no room for one.
   *
   * @throws FRAME_MALFORMED
   */
  receive(from: string, { message, payload }: Received, transitSeconds: number): void {
    if (message.type === "failure") this.#runs.get(message.generation)?.refuse(from, message);
    else if (message.type !== "tensor") {
      throw malformed(`a message '${message.type}'`, "a hop channel does not carry it");
    } else {
      this.#runs.get(message.generation)?.receive(from, { message, payload }, transitSeconds);
    }
  }

  /** The devices whose gateways this one works for. */
  get sources(): ReadonlySet<string> {
    return new Set(this.deployed.flatMap(({ deployed }) => deployed?.source ?? []));
  }

  settle(mark: SettledMark): void {
    this.#options.keeper.settle(mark);
    for (const run of this.#runs.values()) run.settle();
  }

  /**
   * A heartbeat has passed. A device that takes no part in anything for some of them is told of no
   * request any more, and keeps nothing.
   */
  beat(): void {
    this.#idleBeats = this.#runs.size === 0 ? this.#idleBeats + 1 : 0;
    if (this.#idleBeats >= idleBeats) this.#options.keeper.clear();
  }

  reached(device: string): void {
    for (const run of this.#runs.values()) run.reached(device);
  }

  #open(generation: number): GenerationRun {
    const run = this.#runs.get(generation) ?? new GenerationRun(generation, this.#options);
    this.#runs.set(generation, run);
    return run;
  }
}
