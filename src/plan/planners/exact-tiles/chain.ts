import type { ChainCosts, Holding, Homes } from "./chain-costs.ts";
import type { Ledger, MemoryUse } from "./ledger.ts";

/** Pieces from `first` to before `end`, run by one device or shared by several. */
export interface ChainStep {
  readonly first: number;
  readonly end: number;
  /** Who runs them, and has what they make. */
  readonly holding: Holding;
  /** Into how many tiles one device cuts the pieces, to run them one after the other; else 1. */
  readonly tiles: number;
}

/** A whole chain of steps. */
export interface Chain {
  readonly seconds: number;
  readonly steps: readonly ChainStep[];
}

interface Label {
  readonly value: number;
  readonly step: ChainStep | null;
  readonly before: Label | null;
  readonly memory: MemoryUse | null;
}

interface State {
  readonly holding: Holding;
  /** What the holding means for the tensors behind it; worked out when somebody asks. */
  homes: Homes | null;
  /** None of them better than another in time and memory. */
  labels: Label[];
}

export interface ChainSearch {
  /** By cut: the ways to share what is made in front of it. */
  readonly candidates: readonly (readonly Holding[])[];
  /** Who may run pieces alone. */
  readonly members: readonly number[];
  /** Where shared pieces may begin. */
  readonly isStart: readonly boolean[];
  /** Chains of so many seconds or more are of no interest. */
  readonly high: number;
  /** What the pieces from each on take at the least. */
  readonly rest: Float64Array;
  /** How many ways to share are followed from each cut. */
  readonly width: number;
  /** `null`: no device is short of memory. */
  readonly ledger: Ledger | null;
}

/** Chains that are kept where memory is limited: those of the least seconds, and that of the least memory. */
const mostLabels = 8;
/** Stages that are looked at between two occasions to stop: some tenths of a second. */
const stagesPerStep = 20_000;
/** Sums of the same seconds in another order: tiles that gain no more than this gain nothing. */
const rounding = 1e-12;

/**
 * Dynamic programming over the cuts of a chain and who has what crosses them: the least seconds of an
 * inference over all ends of shared runs and all of the candidates, and so over recomputing halos (one
 * long run) and exchanging them (several short ones of the same devices). The best of these chains
 * where no memory is limited; else some of the best. O(cuts² · candidates²) stages. Yields on the way.
 *
 * @returns by rising seconds
 */
export function* solveChain(costs: ChainCosts, search: ChainSearch): Generator<null, Chain[]> {
  const { pieces, count } = costs.model;
  const { source } = pieces.problem;
  const start = { value: 0, step: null, before: null, memory: search.ledger?.empty() ?? null };
  const states: State[][] = [[newState({ devices: [source], ends: [] }, [start])]];
  for (let cut = 1; cut <= count; cut++) {
    const own = { ...search, high: search.high - (search.rest[cut] as number) };
    const reached = search.members.map((device): State => {
      const state = newState({ devices: [device], ends: [] });
      extendAlone(costs, states[cut - 1] as State[], cut, state, own);
      extendInTurn(costs, states, cut, state, own);
      return state;
    });
    let looked = 0;
    for (const holding of search.candidates[cut] ?? []) {
      const state = newState(holding);
      looked += extendShared(costs, states, cut, state, own);
      reached.push(state);
      if (looked < stagesPerStep) continue;
      looked = 0;
      yield null;
    }
    states.push(mostPromising(reached, search.width));
    yield null;
  }
  return finish(costs, states[count] as State[], search.high);
}

function newState(holding: Holding, labels: Label[] = []): State {
  return { holding, homes: null, labels };
}

/** The states that were reached, the best first: so many, and besides all of one device. */
function mostPromising(reached: readonly State[], width: number): State[] {
  const leastOf = ({ labels }: State): number => labels[0]?.value ?? Number.POSITIVE_INFINITY;
  return reached
    .filter(({ labels }) => labels.length > 0)
    .sort((a, b) => leastOf(a) - leastOf(b))
    .filter(({ holding }, rank) => rank < width || holding.devices.length === 1);
}

function extendAlone(
  costs: ChainCosts,
  before: readonly State[],
  cut: number,
  state: State,
  search: ChainSearch,
): void {
  const own = costs.alone(cut - 1, state.holding.devices[0] as number);
  if (own === Number.POSITIVE_INFINITY) return;
  const step = { first: cut - 1, end: cut, holding: state.holding, tiles: 1 };
  extendFrom(costs, before, state, step, own, search);
}

/** @returns how many stages were looked at */
function extendShared(
  costs: ChainCosts,
  states: readonly (readonly State[])[],
  cut: number,
  state: State,
  { high, ledger, isStart }: ChainSearch,
): number {
  let looked = 0;
  for (let first = cut - 1; first >= 0; first--) {
    if ((costs.model.tiledReach[first] as number) < cut) break;
    if (isStart[first] !== true) continue;
    const work = costs.work(first, cut, state.holding);
    const step = { first, end: cut, holding: state.holding, tiles: 1 };
    for (const before of states[first] as State[]) {
      const { holding, labels } = before;
      const most = ledger === null ? Math.min(high, state.labels[0]?.value ?? high) : high;
      // Those behind are no better.
      if ((labels[0]?.value ?? high) + work.longest >= most) break;
      looked++;
      before.homes ??= costs.homes(first, holding);
      const seconds = costs.shared(first, before.homes, work, most - (labels[0]?.value ?? 0));
      for (const label of labels) add(state, label, holding, step, seconds, high, ledger);
    }
  }
  return looked;
}

/** Runs of pieces that one device does in turn, tile by tile. */
function extendInTurn(
  costs: ChainCosts,
  states: readonly (readonly State[])[],
  cut: number,
  state: State,
  search: ChainSearch,
): void {
  const { ledger, isStart } = search;
  const device = state.holding.devices[0] as number;
  if (ledger === null || !ledger.isLimited(device)) return;
  for (let first = cut - 1; first >= 0; first--) {
    if ((costs.model.tiledReach[first] as number) < cut) break;
    if (isStart[first] !== true) continue;
    for (const tiles of ledger.tileCounts(device, first, cut)) {
      const own = costs.inTurn(first, cut, device, tiles);
      const step = { first, end: cut, holding: state.holding, tiles };
      extendFrom(costs, states[first] as State[], state, step, own, search);
    }
  }
}

/** Adds a step of one device that first has all that it reads brought to it. */
function extendFrom(
  costs: ChainCosts,
  before: readonly State[],
  state: State,
  step: ChainStep,
  own: number,
  { high, ledger }: ChainSearch,
): void {
  for (const { holding, labels } of before) {
    if ((labels[0]?.value ?? high) + own >= high) break;
    const seconds = costs.gather(step.first, holding, state.holding.devices[0] as number) + own;
    for (const label of labels) add(state, label, holding, step, seconds, high, ledger);
  }
}

function add(
  state: State,
  before: Label,
  holding: Holding,
  step: ChainStep,
  seconds: number,
  high: number,
  ledger: Ledger | null,
): void {
  const value = before.value + seconds;
  if (!(value < high)) return;
  const [known] = state.labels;
  if (ledger === null || before.memory === null) {
    if (value < (known?.value ?? high)) state.labels = [{ value, step, before, memory: null }];
    return;
  }
  const memory = ledger.after(before.memory, holding, step);
  if (memory === null) return;
  const isBeaten = state.labels.some(
    (label) =>
      label.value <= value * (1 + rounding) &&
      (label.memory === null || ledger.isWithin(label.memory, memory)),
  );
  if (isBeaten) return;
  const label = { value, step, before, memory };
  const labels = [
    ...state.labels.filter(
      (other) =>
        other.value < value || other.memory === null || !ledger.isWithin(memory, other.memory),
    ),
    label,
  ].sort((a, b) => a.value - b.value);
  state.labels = labels.length > mostLabels ? thinned(labels, ledger) : labels;
}

/** The fastest, and the one that needs the least memory: it may be the only one that later fits. */
function thinned(labels: readonly Label[], ledger: Ledger): Label[] {
  const bytes = ({ memory }: Label): number => (memory === null ? 0 : ledger.sum(memory));
  const least = labels.reduce((best, label) => (bytes(label) < bytes(best) ? label : best));
  const fastest = labels.slice(0, mostLabels);
  return fastest.includes(least) ? fastest : [...fastest.slice(0, -1), least];
}

function finish(costs: ChainCosts, last: readonly State[], high: number): Chain[] {
  const chains = last.flatMap(({ holding, labels }) => {
    const seconds = costs.deliver(holding);
    return labels.map((label) => ({ seconds: label.value + seconds, steps: trace(label) }));
  });
  return chains.filter(({ seconds }) => seconds < high).sort((a, b) => a.seconds - b.seconds);
}

function trace(label: Label): ChainStep[] {
  const steps: ChainStep[] = [];
  for (let at: Label | null = label; at?.step != null; at = at.before) steps.unshift(at.step);
  return steps;
}
