import type { Random } from "../../../base/random.ts";
import {
  chainSeconds,
  type DeviceClass,
  type FlowUses,
  fitsIn,
  type Stage,
  type StageChain,
  type StageFlow,
  type StageModel,
  usesOf,
} from "./model.ts";

/** Moves tried: a second or so. */
const mostMoves = 2_000_000;
/** A pass over more units than this takes long. */
const manyUnits = 1000;
/** Loads count by this power, so that the largest ones matter. */
const power = 12;

/**
 * Moves units to stages between those that feed them and those that they feed, and exchanges devices
 * of stages, as long as that makes large loads smaller; yields chains with smaller periods, and
 * `null` after a pass over many units.
 * O(flows of a unit) time a move.
 */
export function* improveChain(
  model: StageModel,
  start: StageChain,
  random: Random,
): Generator<StageChain | null, void> {
  let best = chainSeconds(model, start);
  let moves = 0;
  for (let chain: StageChain | null = start; chain !== null && moves < mostMoves; ) {
    const loads = new StageLoads(model, chain);
    let isMoved = false;
    for (const unit of random.shuffle([...model.predecessors.keys()])) {
      moves += chain.length;
      if (loads.improve(unit)) isMoved = true;
    }
    const moved: StageChain = exchange(model, loads.chain());
    const seconds = chainSeconds(model, moved);
    if (seconds < best * (1 - 1e-9)) {
      best = seconds;
      yield moved;
    } else if (model.predecessors.length > manyUnits) {
      yield null;
    }
    chain = isMoved ? moved : null;
  }
}

/** The chain with two devices of different classes exchanged, if that helps. */
function exchange(model: StageModel, chain: StageChain): StageChain {
  let best = chain;
  let seconds = chainSeconds(model, chain);
  for (let a = 0; a < chain.length; a++) {
    for (let b = a + 1; b < chain.length; b++) {
      const [first, second] = [chain[a] as Stage, chain[b] as Stage];
      if (first.deviceClass === second.deviceClass) continue;
      const next = chain.map((stage, at) => {
        if (at === a) return { ...stage, deviceClass: second.deviceClass };
        return at === b ? { ...stage, deviceClass: first.deviceClass } : stage;
      });
      const isAllowed = [next[a], next[b]].every((stage) => {
        const { deviceClass, units } = stage as Stage;
        const on = model.classes[deviceClass] as DeviceClass;
        return units.every((unit) => Number.isFinite(on.seconds[unit])) && fitsIn(model, on, units);
      });
      const then = isAllowed ? chainSeconds(model, next) : Number.POSITIVE_INFINITY;
      if (then >= seconds) continue;
      best = next;
      seconds = then;
    }
  }
  return best;
}

/** The loads of the stages of a chain, kept up to date while units move. */
class StageLoads {
  readonly #model: StageModel;
  readonly #uses: FlowUses;
  readonly #successors: readonly (readonly number[])[];
  readonly #chain: StageChain;
  readonly #classes: readonly DeviceClass[];
  readonly #stageOf: Int32Array;
  /** At flow · stages + stage: how many of its consumers are there. */
  readonly #readers: Int32Array;
  readonly #compute: Float64Array;
  /** At stage · terms + term. */
  readonly #flowSeconds: Float64Array;
  readonly #bytes: Float64Array;
  readonly #terms: number;
  readonly #scale: number;

  constructor(model: StageModel, chain: StageChain) {
    const stages = chain.length;
    this.#model = model;
    this.#uses = usesOf(model);
    this.#successors = model.predecessors.map(() => []);
    this.#chain = chain;
    this.#classes = chain.map(({ deviceClass }) => model.classes[deviceClass] as DeviceClass);
    this.#terms = Math.max(1, ...this.#classes.map(({ terms }) => terms.length));
    this.#stageOf = new Int32Array(model.predecessors.length);
    this.#compute = new Float64Array(stages);
    this.#bytes = new Float64Array(stages);
    this.#flowSeconds = new Float64Array(stages * this.#terms);
    this.#readers = new Int32Array(model.flows.length * stages);
    this.#scale = 1 / chainSeconds(model, chain);
    const successors = this.#successors as number[][];
    model.predecessors.forEach((before, unit) => {
      for (const other of before) successors[other]?.push(unit);
    });
    chain.forEach(({ units }, stage) => {
      for (const unit of units) {
        this.#stageOf[unit] = stage;
        this.#place(unit, stage, 1);
      }
    });
    model.flows.forEach(({ consumers }, flow) => {
      for (const unit of consumers) {
        (this.#readers[flow * stages + (this.#stageOf[unit] as number)] as number) += 1;
      }
    });
    for (let flow = 0; flow < model.flows.length; flow++) {
      for (let stage = 0; stage < stages; stage++) this.#charge(flow, stage, 1);
    }
  }

  chain(): StageChain {
    return this.#chain
      .map(({ deviceClass }, stage) => ({
        deviceClass,
        units: [...this.#stageOf.keys()].filter((unit) => this.#stageOf[unit] === stage),
      }))
      .filter(({ units }) => units.length > 0);
  }

  /** Moves a unit to the stage where that makes the loads of both least, if any does. */
  improve(unit: number): boolean {
    const from = this.#stageOf[unit] as number;
    let first = 0;
    let last = this.#chain.length - 1;
    for (const before of this.#model.predecessors[unit] as readonly number[]) {
      first = Math.max(first, this.#stageOf[before] as number);
    }
    for (const behind of this.#successors[unit] as readonly number[]) {
      last = Math.min(last, this.#stageOf[behind] as number);
    }
    for (let to = first; to <= last; to++) {
      if (to === from || !this.#isAble(unit, to)) continue;
      const before = this.#penalty(from) + this.#penalty(to);
      this.#move(unit, from, to);
      if (this.#penalty(from) + this.#penalty(to) < before * (1 - 1e-12) && this.#fits(to)) {
        return true;
      }
      this.#move(unit, to, from);
    }
    return false;
  }

  #isAble(unit: number, stage: number): boolean {
    const { seconds, roomBytes } = this.#classes[stage] as DeviceClass;
    if (!Number.isFinite(seconds[unit])) return false;
    if (roomBytes === null) return true;
    return (this.#bytes[stage] as number) + (this.#model.unitBytes[unit] as number) <= roomBytes;
  }

  #fits(stage: number): boolean {
    const on = this.#classes[stage] as DeviceClass;
    if (on.roomBytes === null || this.#model.alive === null) return true;
    const units = [...this.#stageOf.keys()].filter((unit) => this.#stageOf[unit] === stage);
    return fitsIn(this.#model, on, units);
  }

  #penalty(stage: number): number {
    const { terms } = this.#classes[stage] as DeviceClass;
    let most = 0;
    for (let term = 0; term < terms.length; term++) {
      const compute = terms[term]?.isComputing ? (this.#compute[stage] as number) : 0;
      most = Math.max(most, compute + (this.#flowSeconds[stage * this.#terms + term] as number));
    }
    return (most * this.#scale) ** power;
  }

  #move(unit: number, from: number, to: number): void {
    const flows = [
      ...(this.#uses.made[unit] as readonly number[]),
      ...(this.#uses.read[unit] as readonly number[]),
    ];
    for (const flow of flows) {
      this.#charge(flow, from, -1);
      this.#charge(flow, to, -1);
    }
    this.#place(unit, from, -1);
    this.#place(unit, to, 1);
    this.#stageOf[unit] = to;
    for (const flow of this.#uses.read[unit] as readonly number[]) {
      (this.#readers[flow * this.#chain.length + from] as number) -= 1;
      (this.#readers[flow * this.#chain.length + to] as number) += 1;
    }
    for (const flow of flows) {
      this.#charge(flow, from, 1);
      this.#charge(flow, to, 1);
    }
  }

  #place(unit: number, stage: number, sign: number): void {
    const { seconds } = this.#classes[stage] as DeviceClass;
    (this.#compute[stage] as number) += sign * (seconds[unit] as number);
    (this.#bytes[stage] as number) += sign * (this.#model.unitBytes[unit] as number);
  }

  /** Adds or takes away what a flow costs a stage. */
  #charge(flow: number, stage: number, sign: number): void {
    const { terms, isSource, isSink } = this.#classes[stage] as DeviceClass;
    const { producer, consumers, isDelivered } = this.#model.flows[flow] as StageFlow;
    const here = this.#readers[flow * this.#chain.length + stage] as number;
    const isHome = producer === null ? isSource : this.#stageOf[producer] === stage;
    const isMoving = isHome
      ? (isDelivered && !isSink) || here < consumers.length
      : (isDelivered && isSink) || here > 0;
    if (!isMoving) return;
    for (let term = 0; term < terms.length; term++) {
      const { enter, leave } = terms[term] as DeviceClass["terms"][number];
      const seconds = (isHome ? leave : enter)[flow] as number;
      (this.#flowSeconds[stage * this.#terms + term] as number) += sign * seconds;
    }
  }
}
