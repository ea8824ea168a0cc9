/**
 * One network on a device and a server, decided on in many states by every method.
 *
 * @module
 */
import type { Profile } from "../../cost/profile.ts";
import type { State } from "../../cost/state.ts";
import { topologyAt } from "../../cost/state.ts";
import { additiveCosts } from "../../plan/additive.ts";
import { type Compression, compress } from "../../plan/compress.ts";
import type { Parameter } from "../../plan/envelope/box.ts";
import { createDecider } from "../../plan/envelope/decision.ts";
import type { Envelope } from "../../plan/envelope/file.ts";
import { runEnvelope } from "../../plan/envelope.ts";
import { evaluate } from "../../plan/evaluate.ts";
import { findLine, type Line } from "../../plan/line.ts";
import { fromSource } from "../../plan/one-way.ts";
import {
  createSplittingModel,
  type SplittingModel,
} from "../../plan/planners/cic/splitting-model.ts";
import { createStateCosts } from "../../plan/planners/cic/state-costs.ts";
import { createRowCut, cutLine } from "../../plan/planners/exact-line.ts";
import { createProblem, type Placement, type Problem } from "../../plan/problem.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import { type InputWidth, inputBytesFor, pairTopology } from "../device-pair.ts";
import type { StudyHost } from "../study.ts";
import { type Timing, timeOf } from "./timing.ts";

/** Which graph of a network: as an exporter writes it, or as a runtime has fused it. */
export type GraphForm = "as drawn" | "fused";

export interface DecisionCase {
  readonly network: ZooName;
  readonly form: GraphForm;
  readonly input: InputWidth;
}

/** Whatever decides: where every node stands, in a state. */
interface Method {
  readonly decide: (state: State) => unknown;
  readonly place: (state: State) => Placement;
}

/** The methods, in the order of the tables. */
export const methodNames = [
  "full cut, built and solved",
  "full cut, solved again",
  "cut of the groups, built and solved",
  "cut of the groups, solved again",
  "cic, online",
  "cic, with every node placed",
  "envelope",
] as const;
export type MethodName = (typeof methodNames)[number];

export interface StateCell {
  readonly bandwidthBitsPerSecond: number;
  readonly serverSlowDown: number;
  /** Of one decision. */
  readonly seconds: Readonly<Record<MethodName, number>>;
  /** Latency of what each method decides ÷ that of the best one-way placement, − 1. */
  readonly gaps: Readonly<Record<MethodName, number>>;
  readonly oneWaySeconds: number;
  /** Of all placements. */
  readonly exactSeconds: number;
  readonly bestSingleSeconds: number;
}

export interface CaseResult extends DecisionCase {
  readonly nodes: number;
  readonly groups: number;
  /** Between articulation groups, each with a cut of its own. */
  readonly segments: number;
  readonly envelopePlacements: number;
  /** Seconds, once and before any state is known. */
  readonly offline: { readonly compress: number; readonly cic: number; readonly envelope: number };
  readonly cells: readonly StateCell[];
}

/** The setting of every case; the server is the machine that was measured. */
export const setting = { deviceSpeed: 0.1, serverFactor: 10, latencySeconds: 0.005 } as const;
/** Loads of the server: how many times longer its work takes. */
export const serverLoads: readonly number[] = [1, 4];
const box = { least: 1e5, most: 1e9 } as const;
const nominalBandwidth = 2e7;
const envelopeSeconds = 2;

export interface CaseOptions {
  readonly host: StudyHost;
  readonly profile: Profile;
  readonly bandwidths: readonly number[];
  readonly timing: Timing;
}

/** Decides on a case with every method in every state; `null` if the network reads no picture of that width. */
export function measureCase(kase: DecisionCase, options: CaseOptions): CaseResult | null {
  const { host, profile, bandwidths, timing } = options;
  const inputBytes = inputBytesFor(profile.graph, kase.input);
  if (inputBytes === null) return null;
  const topology = pairTopology({
    ...setting,
    bandwidthBitsPerSecond: nominalBandwidth,
    inputBytes,
  });
  const problem = createProblem(profile, topology, { type: "latency" });
  const prepared = prepare(problem, host);
  const seconds = (work: () => unknown): number => timeOf(host.clock, timing, work);
  const states = serverLoads.flatMap((load) =>
    bandwidths.map(
      (rate): State => ({ bandwidthBitsPerSecond: [rate, rate], slowDown: [1, load] }),
    ),
  );
  return {
    ...kase,
    nodes: profile.graph.nodes.length,
    groups: prepared.model.groups.length,
    segments: prepared.model.segments.length,
    envelopePlacements: prepared.envelope.placements.length,
    offline: {
      compress: seconds(() => compress(problem, anyLoad)),
      cic: seconds(() => createSplittingModel(problem)),
      envelope: seconds(() => envelopeOf(problem, host)),
    },
    cells: states.map((state) => measureState(problem, prepared.methods, state, seconds)),
  };
}

const anyLoad = { slowDown: [] };

interface Prepared {
  readonly model: SplittingModel;
  readonly envelope: Envelope;
  readonly methods: Readonly<Record<MethodName, Method>>;
}

function prepare(problem: Problem, host: StudyHost): Prepared {
  const model = createSplittingModel(problem);
  const compressed = compress(problem, anyLoad);
  if (model.type === "refused" || compressed.type === "refused") {
    throw new Error("a server that is faster at every node compresses every graph");
  }
  const envelope = envelopeOf(problem, host);
  const whole = cutMethods(problem, (placement) => placement);
  const placeAll = (state: State): Placement => model.expand(model.decide(state)?.placement ?? []);
  const groups = cutMethods(compressed.problem, compressed.expand);
  return {
    model,
    envelope,
    methods: {
      "full cut, built and solved": whole.built,
      "full cut, solved again": whole.again,
      "cut of the groups, built and solved": groups.built,
      "cut of the groups, solved again": groups.again,
      "cic, online": { decide: model.decide, place: placeAll },
      "cic, with every node placed": { decide: placeAll, place: placeAll },
      envelope: envelopeMethod(envelope),
    },
  };
}

/** The one-way cut of DADS, with costs of a state that are tabulated once. */
function cutMethods(
  problem: Problem,
  expand: Compression["expand"],
): { readonly built: Method; readonly again: Method } {
  const line = fromSource(findLine(problem) as Line, problem) as Line;
  const costsIn = createStateCosts(problem, line);
  const methodOf = (decide: (state: State) => { placement: Placement } | null): Method => ({
    decide,
    place: (state) => expand(decide(state)?.placement ?? []),
  });
  const network = createRowCut(problem, costsIn(stated), "up");
  return {
    built: methodOf((state) => {
      const costs = costsIn(state);
      return createRowCut(problem, costs, "up").solve(costs);
    }),
    again: methodOf((state) => network.solve(costsIn(state))),
  };
}

const stated: State = {
  bandwidthBitsPerSecond: [nominalBandwidth, nominalBandwidth],
  slowDown: [1, 1],
};

function envelopeOf(problem: Problem, { clock }: StudyHost): Envelope {
  const parameters: readonly Parameter[] = [
    { type: "bandwidth", links: [0, 1], ...box },
    { type: "slow-down", device: 1, least: 1, most: 8 },
  ];
  const found = runEnvelope(problem, parameters, { clock, timeLimitSeconds: envelopeSeconds });
  if ("type" in found) throw new Error(found.reason);
  return found;
}

function envelopeMethod(envelope: Envelope): Method {
  const { decide } = createDecider(envelope);
  const values = new Float64Array(2);
  const decideIn = ({ bandwidthBitsPerSecond, slowDown }: State): number => {
    values[0] = bandwidthBitsPerSecond[0] as number;
    values[1] = slowDown[1] as number;
    return decide(values);
  };
  return {
    decide: decideIn,
    place: (state) => envelope.placements[decideIn(state)]?.devices ?? [],
  };
}

function measureState(
  problem: Problem,
  methods: Prepared["methods"],
  state: State,
  seconds: (work: () => unknown) => number,
): StateCell {
  const { profile, topology, objective } = problem;
  const now = createProblem(profile, topologyAt(topology, state), objective);
  const latencyOf = (placement: Placement): number => {
    const found = evaluate(now, placement);
    return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
  };
  const everything = (device: number) => problem.index.graph.nodes.map(() => device);
  const oneWaySeconds = latencyOf(methods["full cut, built and solved"].place(state));
  const costs = additiveCosts(now);
  const line = findLine(now);
  const exact = costs === null || line === null ? null : cutLine(now, line, costs);
  const each = <T>(value: (method: Method) => T): Record<MethodName, T> =>
    Object.fromEntries(methodNames.map((name) => [name, value(methods[name])])) as Record<
      MethodName,
      T
    >;
  return {
    bandwidthBitsPerSecond: state.bandwidthBitsPerSecond[0] as number,
    serverSlowDown: state.slowDown[1] as number,
    seconds: each(({ decide }) => rounded(seconds(() => decide(state)))),
    gaps: each(({ place }) => latencyOf(place(state)) / oneWaySeconds - 1),
    oneWaySeconds,
    exactSeconds: latencyOf(exact?.placement ?? []),
    bestSingleSeconds: Math.min(latencyOf(everything(0)), latencyOf(everything(1))),
  };
}

/** Cells are many, and digits beyond these noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
