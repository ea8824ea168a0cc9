import { discard } from "../base/discard.ts";
import { CodedError } from "../base/errors.ts";
import { bytesPerElement, elementCount } from "../graph/tensor-value.ts";
import { defaultLimits } from "../transport/transport.ts";
import type { Failure, TensorMessage } from "./data-message.ts";
import { malformed, type Received, toWire } from "./protocol.ts";

/** When a frame came in. */
export interface Arrival {
  readonly beganSeconds: number;
  readonly endedSeconds: number;
}

/** A tensor that has come in whole, or the failure of its request: there is no room for it. */
export interface Assembled {
  readonly received: Received<TensorMessage> | Received<Failure>;
  /** From its first byte to its last. */
  readonly seconds: number;
}

export interface AssemblyLimits {
  /** Tensors that are incomplete at once; those that were begun first are dropped. */
  readonly tensors: number;
  /** Of one tensor. */
  readonly bytes: number;
}

/** What several assemblies may hold together. */
export interface AssemblyBudget {
  readonly limitBytes: number;
  usedBytes: number;
}

const unlimitedBytes = 2 ** 32;
const leastLimitBytes = 2 ** 26;

/**
 * Of a device: tensors that have come in half may take no more than it has, and those of as many
 * requests as there may be at once take less. 4 GiB without a limit; at least 64 MiB.
 */
export function assemblyBudget(memoryBytes: number | null): AssemblyBudget {
  return { limitBytes: Math.max(memoryBytes ?? unlimitedBytes, leastLimitBytes), usedBytes: 0 };
}

export interface AssemblyOptions extends Partial<AssemblyLimits> {
  /** Left out: not limited. */
  readonly budget?: AssemblyBudget;
  /**
   * Whether a tensor is waited for, when a piece of it comes first. Pieces of others are dropped. What
   * it throws, `accept` throws. Left out: every one is.
   */
  readonly isExpected?: (message: TensorMessage) => boolean;
}

const standardLimits: AssemblyLimits = { tensors: 1024, bytes: defaultLimits.payloadBytes };
/** Tensors, whole or refused, that are remembered, lest a piece that comes again begins one of them anew. */
const rememberedTensors = 1024;
/** Pieces that come in order make one range, those of two channels two. */
const mostRanges = 64;

/** A tensor of which something is missing. */
interface Open {
  readonly message: TensorMessage;
  readonly data: Uint8Array<ArrayBuffer>;
  /** What is there: ranges of bytes, ascending, that do not touch one another. */
  ranges: readonly (readonly [start: number, end: number])[];
  beganSeconds: number;
  endedSeconds: number;
}

/**
 * Puts tensors together from their pieces, which may come in any order, over several channels, and
 * more than once. A piece costs one copy; a tensor that came in one frame is passed on as it is.
 */
export class Assembly {
  readonly #limits: AssemblyLimits;
  readonly #budget: AssemblyBudget;
  readonly #isExpected: (message: TensorMessage) => boolean;
  readonly #open = new Map<string, Open>();
  readonly #whole = new Set<string>();
  #bytes = 0;

  constructor({ budget, isExpected, ...limits }: AssemblyOptions = {}) {
    this.#limits = { ...standardLimits, ...limits };
    this.#budget = budget ?? { limitBytes: Number.POSITIVE_INFINITY, usedBytes: 0 };
    this.#isExpected = isExpected ?? (() => true);
  }

  /** Bytes taken by what is incomplete. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Incomplete tensors. */
  get tensors(): number {
    return this.#open.size;
  }

  /**
   * Takes in a tensor or a piece of one, whose payload is given back.
   *
   * @returns the tensor, without `piece`, when nothing is missing any more; once, if its first piece
   * finds no room in the budget, the failure of its request (DEVICE_BUSY); else `null`
   * @throws FRAME_MALFORMED if the piece is empty, lies outside its tensor, does not fit those that
   * came before it or is scattered among too many, or its tensor exceeds the limits; nothing was
   * allocated then
   */
  accept({ message, payload }: Received<TensorMessage>, arrival: Arrival): Assembled | null {
    const { beganSeconds, endedSeconds } = arrival;
    if (message.piece === undefined) {
      return { received: { message, payload }, seconds: endedSeconds - beganSeconds };
    }
    const key = `${message.generation} ${message.request} ${message.tensor}`;
    if (this.#whole.has(key)) return null;
    if (payload.byteLength === 0) throw malformed(`a piece of '${message.tensor}'`, "it is empty");
    const { offset } = message.piece;
    const end = offset + payload.byteLength;
    const known = this.#open.get(key);
    if (known === undefined && !this.#isExpected(message)) return null;
    const open = known ?? this.#begin(key, message, end, arrival);
    if (open === null) return this.#refuse(key, message);
    requireFit(open, message, end);
    open.ranges = joinRanges(open.ranges, [offset, end], message.tensor);
    open.data.set(payload, offset);
    discard(payload);
    open.beganSeconds = Math.min(open.beganSeconds, beganSeconds);
    open.endedSeconds = Math.max(open.endedSeconds, endedSeconds);
    const [first] = open.ranges;
    if (first === undefined || first[0] > 0 || first[1] < open.data.byteLength) return null;
    this.#finish(key);
    const { piece: _, ...whole } = open.message;
    return {
      received: { message: whole, payload: open.data },
      seconds: open.endedSeconds - open.beganSeconds,
    };
  }

  /** Drops incomplete tensors that nobody waits for. */
  forget(isStale: (message: TensorMessage) => boolean): void {
    for (const [key, { message }] of this.#open) if (isStale(message)) this.#close(key);
  }

  /** @returns `null`: there is no room */
  #begin(key: string, message: TensorMessage, end: number, arrival: Arrival): Open | null {
    const bytes = message.piece?.bytes ?? 0;
    this.#requireSound(message, bytes, end);
    if (this.#budget.usedBytes + bytes > this.#budget.limitBytes) return null;
    const [oldest] = this.#open.keys();
    if (this.#open.size >= this.#limits.tensors && oldest !== undefined) this.#close(oldest);
    const open = { message, data: new Uint8Array(bytes), ranges: [], ...arrival };
    this.#open.set(key, open);
    this.#count(bytes);
    return open;
  }

  /** What was heard does not come again: whoever asked is to know. */
  #refuse(key: string, { generation, request, tensor, piece }: TensorMessage): Assembled {
    this.#remember(key);
    const { usedBytes, limitBytes } = this.#budget;
    const bytes = piece?.bytes ?? 0;
    const error = new CodedError(
      "DEVICE_BUSY",
      `tensor '${tensor}' of ${bytes} bytes was refused: beside ${usedBytes} bytes of tensors that have come in half it exceeds the ${limitBytes} of this device; ask for fewer answers at once`,
      { tensor, bytes, usedBytes, limitBytes },
    );
    const message: Failure = { type: "failure", generation, request, error: toWire(error) };
    return { received: { message, payload: new Uint8Array(0) }, seconds: 0 };
  }

  #close(key: string): void {
    this.#count(-(this.#open.get(key)?.data.byteLength ?? 0));
    this.#open.delete(key);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.usedBytes += bytes;
  }

  #requireSound({ tensor, dataType, shape, codec }: TensorMessage, bytes: number, end: number) {
    const what = `a piece of tensor '${tensor}'`;
    if (bytes > this.#limits.bytes) {
      throw malformed(what, `all of it has ${bytes} bytes, at most ${this.#limits.bytes} may come`);
    }
    if (end > bytes) throw malformed(what, `it ends at byte ${end} of ${bytes}`);
    const width = codec === undefined ? bytesPerElement(dataType) : null;
    if (width !== null && width * elementCount(shape) !== bytes) {
      throw malformed(
        what,
        `${dataType} [${shape.join(", ")}] needs ${width * elementCount(shape)} bytes, ${bytes} are to come`,
      );
    }
  }

  #finish(key: string): void {
    this.#close(key);
    this.#remember(key);
  }

  /** What else comes of it is passed over. */
  #remember(key: string): void {
    this.#whole.add(key);
    const [oldest] = this.#whole;
    if (this.#whole.size > rememberedTensors && oldest !== undefined) this.#whole.delete(oldest);
  }
}

function requireFit({ message: first }: Open, message: TensorMessage, end: number): void {
  const bytes = first.piece?.bytes ?? 0;
  const isSame =
    message.piece?.bytes === bytes &&
    message.dataType === first.dataType &&
    message.codec === first.codec &&
    message.shape.length === first.shape.length &&
    message.shape.every((size, axis) => size === first.shape[axis]);
  if (isSame && end <= bytes) return;
  throw malformed(`a piece of tensor '${message.tensor}'`, "it does not fit those before it");
}

/**
 * Adds a range; those that overlap or touch become one. O(ranges); pieces in order make one.
 *
 * @throws FRAME_MALFORMED if there are too many
 */
function joinRanges(
  ranges: Open["ranges"],
  [start, end]: readonly [number, number],
  tensor: string,
): Open["ranges"] {
  const before = ranges.filter((range) => range[1] < start);
  const after = ranges.filter((range) => range[0] > end);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const joined = [
    Math.min(start, touching[0]?.[0] ?? start),
    Math.max(end, touching.at(-1)?.[1] ?? end),
  ] as const;
  if (before.length + after.length >= mostRanges) {
    throw malformed(
      `a piece of tensor '${tensor}'`,
      `with it the tensor lies in more than ${mostRanges} places`,
    );
  }
  return [...before, joined, ...after];
}
