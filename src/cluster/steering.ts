import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { Adapter, type AdapterOptions, type Advice, type Learnt } from "../control/adapter.ts";
import { type Choice, wholeChoices } from "../control/choices.ts";
import type { ControlOptions, Decision } from "../control/control.ts";
import type { Figures } from "../control/observation.ts";
import type { Probe } from "../control/probes.ts";
import type { Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import type { Measured, Probed } from "./control-message.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { describeDrift } from "./drift.ts";
import type { Transfer } from "./under-way.ts";

/** What steering sees of a coordinator, and does to it. */
export interface Steered {
  /** The plan that serves; `null`: none does. */
  readonly serving: Plan | null;
  /** What there is to plan with. */
  readonly world: Topology;
  /** Whether something is to serve next. */
  readonly isSwitching: boolean;
  readonly pending: readonly Transfer[];
  adopt(plan: Plan, cause: string, how: { readonly replay: boolean }): void;
  note(drift: {
    readonly type: "drift";
    readonly what: string;
    readonly gain: number;
    readonly taken: boolean;
  }): void;
  probe(from: string, to: string, bytes: number): Promise<Probed>;
}

export interface SteeringOptions {
  readonly clock: Clock;
  /**
   * What is to be planned in a part of the topology, as it is stated.
   *
   * @param rows that go as one; left out: as many as may
   */
  readonly problemOf: (topology: Topology, rows?: number) => Problem;
  /** Asked for a plan in the world as it is measured, when that has changed; left out: nobody. */
  readonly solve?: AdapterOptions["solve"];
  /** What may serve beside whole devices and what is solved, such as an envelope's placements. */
  readonly known?: (problem: Problem) => readonly Choice[];
  readonly control?: ControlOptions;
  /** From one decision to the next. Default: 0.25 s. */
  readonly intervalSeconds?: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A switch that saves this share is for what waits already, too; … */
const urgentGain = 0.3;
/** … and one in a world in which a transfer takes so long, and so many times as long as was planned. */
const [stuckSeconds, stuckTimes] = [0.5, 2];
/** A transfer of the plan counts as late after so long, and so many times as long as was planned; … */
const [lateSeconds, lateTimes] = [0.15, 2];
/** … and is decided on at once, but no sooner than this after the last decision. */
const hurrySeconds = 0.05;
/** A better plan that is not gone over to is told of no more often. */
const restSeconds = 30;
/** What takes less may have been waved through by buffers on the way. */
const leastProbeSeconds = 1e-3;
/** A probe of more bytes counts for several: what disturbs it disturbs it less. */
const countedBytes = 1 << 14;
/** A world is planned for again when a link or device differs by this share from what it was. */
const newsShare = 0.1;

/**
 * Re-plans while requests flow: compares what is measured of the plan that serves with what was
 * predicted, and has the coordinator go over to a better plan when that pays.
 */
export class Steering {
  readonly #options: SteeringOptions;
  /** Since the last decision. */
  #bodies: Measured["body"][] = [];
  #probed: Figures["hops"][number][] = [];
  #adapter: Adapter | null = null;
  /** Of all parts of the world that there were. */
  #learnt: Learnt | undefined = undefined;
  /** The part of the world that the adapter knows. */
  #world = "";
  #serving: Plan | null = null;
  #advised: Plan | null = null;
  #coordinator: Steered | null = null;
  /** Ends the wait for the next decision. */
  #pause = new AbortController();
  #decidedAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  readonly #probing = new Map<string, { readonly from: string; readonly to: string }>();

  constructor(options: SteeringOptions) {
    this.#options = options;
  }

  /** What a coordinator is to tell. */
  get hooks(): Required<Pick<CoordinatorOptions, "onMeasured" | "onPending">> {
    return {
      onMeasured: (body) => void this.#bodies.push(body),
      onPending: (device) => this.#hurry(device),
    };
  }

  /** Begins to decide for a coordinator. */
  steer(coordinator: Steered): void {
    this.#coordinator = coordinator;
    void this.#beat(coordinator);
  }

  async #beat(coordinator: Steered): Promise<void> {
    const { clock, signal, intervalSeconds = 0.25 } = this.#options;
    signal.addEventListener("abort", () => this.#pause.abort(), { once: true });
    while (!signal.aborted) {
      this.#pause = new AbortController();
      await clock.sleep(seconds(intervalSeconds), this.#pause.signal).catch(() => undefined);
      if (!signal.aborted) this.#decide(coordinator);
    }
  }

  /** What a device has just said is late is decided on at once: requests queue behind it. */
  #hurry(device: string): void {
    const { pending = [], serving = null, isSwitching = true } = this.#coordinator ?? {};
    if (isSwitching || this.#options.clock.now() - this.#decidedAt < hurrySeconds) return;
    // What others have said before was decided on: twice the same is no second observation.
    const said = pending.filter(({ from }) => from === device);
    if (said.some((transfer) => isLate(transfer, serving))) this.#pause.abort();
  }

  #decide(coordinator: Steered): void {
    const { clock } = this.#options;
    const { serving } = coordinator;
    this.#decidedAt = clock.now();
    const figures = this.#takeFigures(coordinator);
    if (serving === null) return;
    const now = clock.now();
    // A plan that could not be judged was there: this one may be.
    if (this.#adapter === null && serving !== this.#serving) this.#world = "";
    const adapter = this.#adapterFor(coordinator);
    if (adapter === null) return;
    if (serving !== this.#serving && !this.#begin(coordinator, adapter, serving, now)) return;
    if (this.#advised !== null && !coordinator.isSwitching) this.#giveUp(adapter, now);
    try {
      this.#follow(coordinator, adapter.heard(figures, now), now);
    } catch (error) {
      // A planner that fails, or what it plans, is no end of what serves.
      if (!(error instanceof CodedError)) throw error;
      if (this.#advised !== null) this.#giveUp(adapter, now);
      if (now - this.#toldAt < restSeconds) return;
      this.#toldAt = now;
      tell(coordinator, { what: messageOf(error) }, false);
    }
  }

  /** Only of what serves: stages of several generations have the same names. */
  #takeFigures({ pending }: Steered): Figures {
    const newest = this.#bodies.at(-1)?.generation;
    const own = this.#bodies.filter(({ generation }) => generation === newest);
    const figures = {
      stages: own.flatMap(({ stages }) => stages),
      hops: [...own.flatMap(({ hops }) => hops), ...this.#probed],
      pending,
      probing: [...this.#probing.values()],
    };
    this.#bodies = [];
    this.#probed = [];
    return figures;
  }

  /** Another one when devices or links have come or gone, which knows what this one has learnt. */
  #adapterFor(coordinator: Steered): Adapter | null {
    const { world } = coordinator;
    const { devices, links } = world;
    const key = JSON.stringify([
      devices.map(({ name }) => name),
      links.map(({ from, to }) => [from, to]),
    ]);
    if (key === this.#world) return this.#adapter;
    this.#world = key;
    this.#serving = null;
    this.#forgo();
    const { problemOf, known, solve, control } = this.#options;
    try {
      const problem = problemOf(world);
      this.#adapter = new Adapter({
        problem,
        problemFor: (rows) => problemOf(world, rows),
        known: [...wholeChoices(problem), ...(known?.(problem) ?? [])],
        ...(solve === undefined ? {} : { solve: whenNew(solve) }),
        ...(control === undefined ? {} : { control }),
        ...(this.#learnt === undefined ? {} : { learnt: this.#learnt }),
      });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      tell(
        coordinator,
        { what: `this part of the world is not planned for: ${messageOf(error)}` },
        false,
      );
    }
    return this.#adapter;
  }

  #begin(coordinator: Steered, adapter: Adapter, serving: Plan, now: number): boolean {
    this.#serving = serving;
    this.#advised = null;
    try {
      adapter.serves(serving, now);
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // A plan of somebody else's making may be none of this problem: nothing is compared with it.
      this.#forgo();
      tell(coordinator, { what: messageOf(error) }, false);
      return false;
    }
  }

  /** What it has learnt stays. */
  #forgo(): void {
    this.#learnt = this.#adapter?.learnt ?? this.#learnt;
    this.#adapter = null;
  }

  #giveUp(adapter: Adapter, now: number): void {
    this.#advised = null;
    adapter.failed(now);
  }

  #follow(coordinator: Steered, { decision, plan }: Advice, now: number): void {
    for (const probe of decision.probes) void this.#probe(coordinator, probe);
    const what = describeDrift(coordinator.world, decision, coordinator.serving?.objective ?? "");
    if (plan === null) {
      const isBetter = decision.type === "stay" && decision.gain > 0 && isHeld(decision.reason);
      if (isBetter && now - this.#toldAt >= restSeconds) {
        this.#toldAt = now;
        tell(coordinator, { what, gain: decision.gain }, false);
      }
      return;
    }
    this.#advised = plan;
    this.#toldAt = now;
    tell(coordinator, { what, gain: decision.gain }, true);
    const { level, threads } = this.#serving ?? {};
    const adopted = {
      ...plan,
      ...(level === undefined ? {} : { level }),
      ...(threads === undefined ? {} : { threads }),
    };
    const isStuck = coordinator.pending.some((transfer) => isOverdue(transfer, this.#serving));
    coordinator.adopt(adopted, what, { replay: isStuck || decision.gain >= urgentGain });
  }

  async #probe(coordinator: Steered, { from, to, bytes }: Probe): Promise<void> {
    const key = `${from}\n${to}`;
    if (this.#probing.has(key)) return;
    this.#probing.set(key, { from, to });
    try {
      const { link } = await coordinator.probe(from, to, bytes);
      const goodputBitsPerSecond = link?.goodputBitsPerSecond ?? null;
      if (goodputBitsPerSecond !== null) {
        const surest = Math.min(goodputBitsPerSecond, (8 * bytes) / leastProbeSeconds);
        const count = Math.max(1, Math.round(bytes / countedBytes));
        this.#probed.push({ from, to, count, goodputBitsPerSecond: surest });
      }
    } catch {
      // It tells nothing of a link that nobody answers on; a loss is seen elsewhere.
    } finally {
      this.#probing.delete(key);
    }
  }
}

function tell(
  coordinator: Steered,
  { what, gain = 0 }: { readonly what: string; readonly gain?: number },
  taken: boolean,
): void {
  coordinator.note({ type: "drift", what, gain, taken });
}

/** Whether a better plan is held back, and not for this moment only. */
function isHeld(reason: Extract<Decision, { type: "stay" }>["reason"]): boolean {
  return reason === "payback" || reason === "soon";
}

/** So many worlds are remembered: control compares the one that is with some that might be. */
const mostWorlds = 32;

function isOverdue(transfer: Transfer, serving: Plan | null): boolean {
  const planned = plannedSeconds(transfer, serving) ?? 0;
  return transfer.seconds >= Math.max(stuckSeconds, stuckTimes * planned);
}

function isLate(transfer: Transfer, serving: Plan | null): boolean {
  const planned = plannedSeconds(transfer, serving);
  return planned !== null && transfer.seconds >= Math.max(lateSeconds, lateTimes * planned);
}

/** The longest that a plan sends between two devices; `null`: it sends nothing. */
function plannedSeconds({ from, to }: Transfer, serving: Plan | null): number | null {
  const hops = serving?.transfers.filter((hop) => hop.from === from && hop.to === to) ?? [];
  return hops.length === 0 ? null : Math.max(...hops.map((hop) => hop.seconds));
}

/** Asks only for a world that differs from all that it asked for lately. */
function whenNew(
  solve: NonNullable<AdapterOptions["solve"]>,
): NonNullable<AdapterOptions["solve"]> {
  const asked: {
    readonly values: readonly number[];
    readonly answer: ReturnType<typeof solve>;
  }[] = [];
  return (problem) => {
    const { devices, links } = problem.topology;
    const values = [
      ...links.map(({ bandwidthBitsPerSecond }) => bandwidthBitsPerSecond as number),
      ...devices.map(({ speed }) => speed),
    ];
    const isNear = (known: readonly number[]): boolean =>
      values.every(
        (value, position) => Math.abs(Math.log(value / (known[position] ?? 0))) <= newsShare,
      );
    const known = asked.find((one) => isNear(one.values));
    if (known !== undefined) return known.answer;
    const answer = solve(problem);
    asked.push({ values, answer });
    if (asked.length > mostWorlds) asked.shift();
    return answer;
  };
}
