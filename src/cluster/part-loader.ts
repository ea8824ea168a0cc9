/**
 * Parts in sessions. A part that two generations have is loaded once.
 *
 * @module
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded, messageOf } from "../base/errors.ts";
import { formatQuantity, seconds } from "../base/units.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { Runtime, Session, WeightFile } from "../runtime/runtime.ts";
import type { BlobStore } from "./blob-store.ts";
import type { OfferedPart } from "./control-message.ts";
import { LastingSession } from "./lasting-session.ts";

export interface PartLoaderOptions {
  readonly device: string;
  /** `null`: not limited. */
  readonly memoryBytes: number | null;
  /** A part that wants more threads is refused: it would be throttled. Default: not limited. */
  readonly cores?: number;
  /**
   * What parts may weigh that nobody uses, so that a plan that is gone back to need not be loaded.
   * Default: a quarter of the memory, or 256 MiB.
   */
  readonly idleBytes?: number;
  readonly runtime: Runtime;
  /** Where the blobs of all parts are by the time that they are loaded. */
  readonly blobs: BlobStore;
  /** Measures how long it is waited for what other models let go of. */
  readonly clock: Clock;
}

/** On whose behalf parts are loaded. */
export interface Borrower {
  /** Of one model: what only others have in use may soon be free. */
  readonly tenant: object;
  /** Ends the wait for it. */
  readonly signal: AbortSignal;
}

/** A model that moves away has let go of its parts by then, or does not move. */
const patienceSeconds = 5;

/** The sessions of one generation, until they are released. */
export interface LoadedParts {
  /** By stage. */
  readonly sessions: ReadonlyMap<string, Session>;
  /** Idempotent. The sessions stay loaded while there is room for them. */
  release(): void;
}

interface Loaded {
  readonly key: string;
  readonly session: LastingSession;
  readonly bytes: number;
  readonly unpin: () => void;
  uses: number;
  /** Whoever has used it and is still there. */
  readonly tenants: Set<object | null>;
  /** Of those who use it: whose they are. */
  readonly users: Map<(error: CodedError) => void, object | null>;
}

/** Why parts do not fit. */
interface Sizes {
  readonly neededBytes: number;
  readonly usedBytes: number;
  /** Of those, what no part of the same tenant uses. */
  readonly othersBytes: number;
  readonly memoryBytes: number;
}

/** Loads each part into a session of its own, and shares it between all that need this very part. */
export class PartLoader {
  readonly #options: PartLoaderOptions;
  readonly #loaded = new Map<string, Loaded>();
  #last: Promise<unknown> = Promise.resolve();
  /** Aborted when something is let go of. */
  readonly #waiting = new Set<AbortController>();

  constructor(options: PartLoaderOptions) {
    this.#options = options;
  }

  /**
   * Loads parts, one after the other, since each takes the most memory while it loads. Where only what
   * other tenants use is in the way, they have some seconds to let go of it.
   *
   * @param onLost called when one of them, not released yet, has died and could not be loaded again
   * @param borrower left out: nobody is waited for
   * @throws PART_REFUSED, with the numbers, if they do not fit into the device's memory beside what
   * is in use, or if a blob is not here; ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
   */
  async load(
    parts: readonly OfferedPart[],
    onLost: (error: CodedError) => void = () => undefined,
    borrower: Borrower | null = null,
  ): Promise<LoadedParts> {
    const untilSeconds = this.#options.clock.now() + patienceSeconds;
    for (;;) {
      // What is let go of from here on may make room.
      const awake = new AbortController();
      this.#waiting.add(awake);
      try {
        return await this.#inTurn(() => this.#load(parts, onLost, borrower?.tenant ?? null));
      } catch (error) {
        if (borrower === null || !isOthersFault(error)) throw error;
        if (!(await this.#untilAwake(awake, untilSeconds, borrower.signal))) throw error;
      } finally {
        this.#waiting.delete(awake);
      }
    }
  }

  /** What sessions take that are in use. */
  get usedBytes(): number {
    const used = [...this.#loaded.values()].filter(({ uses }) => uses > 0);
    return sum(used.map(({ bytes }) => bytes));
  }

  /** Releases sessions that nobody uses, but for those that were used last. */
  async sweep(): Promise<void> {
    const { memoryBytes, idleBytes = memoryBytes === null ? 2 ** 28 : memoryBytes / 4 } =
      this.#options;
    await this.#inTurn(() => this.#sweep(new Set(), idleBytes));
  }

  /** A tenant leaves: releases sessions that no other one has used, as soon as it lets go of them. */
  async forget(tenant: object): Promise<void> {
    await this.#inTurn(async () => {
      for (const { tenants } of this.#loaded.values()) tenants.delete(tenant);
      await this.#sweepForgotten();
    });
  }

  /** Releases all sessions, also those that are being loaded: whoever has them is at its end. */
  async clear(): Promise<void> {
    await this.#inTurn(async () => {
      for (const loaded of this.#loaded.values()) loaded.uses = 0;
      await this.#sweep(new Set());
    });
  }

  async #load(
    parts: readonly OfferedPart[],
    onLost: (error: CodedError) => void,
    tenant: object | null,
  ): Promise<LoadedParts> {
    // One that is used twice must not be told of less by the release of the other.
    const tell = (error: CodedError) => onLost(error);
    for (const part of parts) this.#checkCores(part);
    await this.#makeRoom(parts, tenant);
    const taken: Loaded[] = [];
    const sessions = new Map<string, Session>();
    const release = () => {
      for (const loaded of taken.splice(0)) {
        loaded.users.delete(tell);
        this.#letGo(loaded);
      }
    };
    try {
      for (const part of parts) {
        const loaded = this.#loaded.get(keyOf(part)) ?? (await this.#loadPart(part));
        loaded.uses++;
        loaded.tenants.add(tenant);
        loaded.users.set(tell, tenant);
        taken.push(loaded);
        sessions.set(part.stage, loaded.session);
      }
      return { sessions, release };
    } catch (error) {
      release();
      await this.#sweep(new Set());
      throw error;
    }
  }

  #letGo(loaded: Loaded): void {
    loaded.uses--;
    for (const awake of this.#waiting) awake.abort();
    if (this.#loaded.get(loaded.key) !== loaded) return;
    if (loaded.tenants.size === 0) void this.#inTurn(() => this.#sweepForgotten());
    // The last to be let go stands last.
    this.#loaded.delete(loaded.key);
    this.#loaded.set(loaded.key, loaded);
  }

  /** @returns whether it is worth another attempt */
  async #untilAwake(
    awake: AbortController,
    untilSeconds: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#options;
    const left = untilSeconds - clock.now();
    if (left <= 0 || signal.aborted) return false;
    const giveUp = () => awake.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    await clock.sleep(seconds(left), awake.signal).catch(() => undefined);
    signal.removeEventListener("abort", giveUp);
    return awake.signal.aborted && !signal.aborted;
  }

  async #loadPart(part: OfferedPart): Promise<Loaded> {
    const { runtime, blobs } = this.#options;
    const unpin = blobs.pin([part.skeleton, ...part.weights].map(({ sha256 }) => sha256));
    const { threads, thrifty = false } = part;
    const open = async () => {
      const { model, files } = await this.#open(part);
      return await runtime.load(model, { threads, thrifty, files });
    };
    try {
      const session = new LastingSession(await open(), () => this.#inTurn(open));
      const [key, bytes] = [keyOf(part), this.#needOf(part)];
      const none = { uses: 0, tenants: new Set<object | null>(), users: new Map() };
      const loaded: Loaded = { key, session, bytes, unpin, ...none };
      this.#loaded.set(loaded.key, loaded);
      void session.lost.then((error) => this.#lose(loaded, error));
      return loaded;
    } catch (error) {
      unpin();
      throw error;
    }
  }

  /** Whoever wants this part again loads it anew. */
  #lose(lost: Loaded, error: CodedError): void {
    if (this.#loaded.get(lost.key) !== lost) return;
    this.#loaded.delete(lost.key);
    lost.unpin();
    for (const tell of [...lost.users.keys()]) tell(error);
  }

  /** Weights that stand in files stay there: in memory they would stand twice while a session is made. */
  async #open({ stage, skeleton, weights }: OfferedPart): Promise<{
    readonly model: OnnxModel;
    readonly files: ReadonlyMap<string, WeightFile>;
  }> {
    const { blobs } = this.#options;
    const named = new Map<string, Uint8Array>();
    const files = new Map<string, WeightFile>();
    for (const { name, sha256, bytes } of weights) {
      if (bytes === 0 || blobs.file === undefined) named.set(name, await blobs.read(sha256));
      else files.set(name, { path: await blobs.file(sha256), bytes });
    }
    const proto = decodeSkeleton(await blobs.read(skeleton.sha256), stage);
    return { model: { proto, weights: named }, files };
  }

  /** Fewer threads could mean other bits. @throws PART_REFUSED */
  #checkCores({ stage, threads }: OfferedPart): void {
    const { device, cores = Number.POSITIVE_INFINITY } = this.#options;
    if (threads <= cores) return;
    throw new CodedError(
      "PART_REFUSED",
      `part ${stage} wants ${threads} threads, agent '${device}' may use ${cores} cores; plan with --threads ${cores}`,
      { device, threads, cores },
    );
  }

  /** Of a thrifty part the system may give up what weights it has in memory, and read them again from their files. */
  #needOf({ memoryBytes, weights, thrifty = false }: OfferedPart): number {
    const weightBytes = sum(weights.map(({ bytes }) => bytes));
    const isMapped = thrifty && this.#options.blobs.file !== undefined;
    return isMapped ? Math.max(0, memoryBytes - weightBytes) : Math.max(memoryBytes, weightBytes);
  }

  /** @throws PART_REFUSED */
  async #makeRoom(parts: readonly OfferedPart[], tenant: object | null): Promise<void> {
    const { memoryBytes } = this.#options;
    if (memoryBytes === null) return;
    const wanted = new Map(parts.map((part) => [keyOf(part), this.#needOf(part)]));
    const loaded = [...this.#loaded.values()].filter(({ key }) => !wanted.has(key));
    const needed = sum(wanted.values());
    const inUse = loaded.filter(({ uses }) => uses > 0);
    const used = sum(inUse.map(({ bytes }) => bytes));
    if (needed + used > memoryBytes) {
      const others = inUse.filter(({ users }) => ![...users.values()].includes(tenant));
      const othersBytes = sum(others.map(({ bytes }) => bytes));
      throw this.#tooLarge(parts, {
        neededBytes: needed,
        usedBytes: used,
        othersBytes,
        memoryBytes,
      });
    }
    if (needed + sum(loaded.map(({ bytes }) => bytes)) > memoryBytes) {
      await this.#sweep(new Set(wanted.keys()));
    }
  }

  #tooLarge(parts: readonly OfferedPart[], sizes: Sizes): CodedError {
    const { device } = this.#options;
    const names = parts.map(({ stage }) => stage).join(", ");
    const [needed, used, most] = [sizes.neededBytes, sizes.usedBytes, sizes.memoryBytes].map(
      (bytes) => formatQuantity(bytes, "B", 4),
    );
    const subject = parts.length === 1 ? `part ${names} needs` : `parts ${names} need`;
    const beside = sizes.usedBytes > 0 ? ` beside ${used} of parts that run` : "";
    return new CodedError(
      "PART_REFUSED",
      `${subject} ${needed}${beside}, agent '${device}' may use ${most}; plan with this memory in the topology`,
      { device, ...sizes },
    );
  }

  async #sweep(kept: ReadonlySet<string>, idleBytes = 0): Promise<void> {
    let idle = 0;
    for (const { key, session, bytes, unpin, uses } of [...this.#loaded.values()].reverse()) {
      if (uses > 0 || kept.has(key)) continue;
      idle += bytes;
      // Where none may stay, those that need no memory go, too.
      if (idleBytes > 0 && idle <= idleBytes) continue;
      this.#loaded.delete(key);
      unpin();
      // One that cannot even be released is gone all the same.
      await session.release().catch(() => undefined);
    }
  }

  async #sweepForgotten(): Promise<void> {
    const remembered = [...this.#loaded.values()].filter(({ tenants }) => tenants.size > 0);
    await this.#sweep(new Set(remembered.map(({ key }) => key)));
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return await done;
  }
}

/** Parts of one key are the same part. */
function keyOf({ skeleton, weights, threads, thrifty = false }: OfferedPart): string {
  const named = weights.map(({ name, sha256 }) => `${name} ${sha256}`);
  return [`${threads} ${thrifty} ${skeleton.sha256}`, ...named].join("\n");
}

/** Whether parts would fit if other tenants used nothing. */
function isOthersFault(error: unknown): boolean {
  if (!isCoded(error) || error.code !== "PART_REFUSED") return false;
  const { neededBytes, usedBytes, othersBytes, memoryBytes } = error.details;
  const ownBytes = Number(usedBytes) - Number(othersBytes);
  return Number(othersBytes) > 0 && Number(neededBytes) + ownBytes <= Number(memoryBytes);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function decodeSkeleton(bytes: Uint8Array, stage: string): OnnxModel["proto"] {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new CodedError(
      "ONNX_MALFORMED",
      `the skeleton of stage '${stage}' cannot be read: ${messageOf(cause)}`,
      { stage },
      cause,
    );
  }
}
