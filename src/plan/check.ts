import { CodedError } from "../base/errors.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { GraphIndex } from "../graph/graph.ts";
import { checkUncertainty } from "./check-uncertainty.ts";
import { codecsOf, withCodecs } from "./codecs.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { alternativesOf, claimOf, gapOf, guaranteeOf, stagesOf, transfersOf } from "./make-plan.ts";
import { formatObjective } from "./objective.ts";
import type { Plan, PlannedTile, Stage, Transfer } from "./plan.ts";
import type { Placement, Problem } from "./problem.ts";
import { groupStages } from "./stages.ts";
import type { TileStage } from "./tiles.ts";

/** A claim may differ from the evaluation by this much, relative. */
const tolerance = 1e-9;

/**
 * Refuses a plan that does not fit a problem, breaks a limit, or claims what does not hold. It is
 * evaluated under its own codecs.
 *
 * @returns the evaluation of its placement
 * @throws PLAN_INVALID
 */
export function check(problem: Problem, plan: Plan): Evaluation {
  if (plan.graphSha256 !== graphSha256(problem.profile.graph)) {
    throw invalid("the plan was made for another graph (graphSha256 differs); plan again");
  }
  if (plan.objective !== formatObjective(problem.objective)) {
    throw invalid(
      `the plan is for objective "${plan.objective}", not "${formatObjective(problem.objective)}"`,
    );
  }
  const placement = placementOf(problem, plan);
  const coded = withCodecs(problem, codecsOf(problem, plan));
  const tiles = tilesOf(problem, plan);
  const evaluation = evaluate(coded, placement, tiles);
  if (evaluation.type === "infeasible")
    throw invalid(`the plan is not allowed: ${evaluation.reason}`);
  checkStages(problem.index, plan);
  checkFigures(
    "stages.seconds",
    secondsOf(plan.stages),
    secondsOf(stagesOf(problem, placement, tiles)),
  );
  checkClaims(plan.claimed, claimOf(problem, evaluation));
  checkTransfers(plan.transfers, transfersOf(coded, evaluation));
  checkFigures("alternatives", plan.alternatives, alternativesOf(problem));
  if (JSON.stringify(plan.bottleneck) !== JSON.stringify(evaluation.bottleneck)) {
    throw invalid(
      `the plan claims the bottleneck ${JSON.stringify(plan.bottleneck)}, but it is ${JSON.stringify(evaluation.bottleneck)}`,
    );
  }
  checkProof(plan, evaluation.value);
  if (plan.uncertainty !== undefined) checkUncertainty(coded, placement, plan.uncertainty);
  return evaluation;
}

/**
 * The plan's placement in positions.
 *
 * @throws PLAN_INVALID if it leaves a node out or names a device or node that does not exist
 */
export function placementOf(problem: Problem, plan: Plan): Placement {
  return placeNodes(
    problem.index,
    plan.placement,
    problem.devices.map(({ name }) => name),
  );
}

/**
 * The plan's stages that several devices run together, in positions.
 *
 * @throws PLAN_INVALID if one names a device or node that does not exist
 */
export function tilesOf({ index, devices }: Problem, plan: Plan): TileStage[] {
  return tileStages(
    index,
    plan,
    devices.map(({ name }) => name),
  );
}

function tileStages(index: GraphIndex, plan: Plan, devices: readonly string[]): TileStage[] {
  const position = (known: number | undefined, what: string): number => {
    if (known !== undefined && known >= 0) return known;
    throw invalid(`a stage of the plan names ${what}, which there is not`);
  };
  return plan.stages.flatMap(({ nodes, tiles }): TileStage[] => {
    if (tiles === undefined) return [];
    return [
      {
        nodes: nodes.map((name) => position(index.nodeByName.get(name), `node '${name}'`)),
        devices: tiles.map(({ device }) => position(devices.indexOf(device), `device '${device}'`)),
        rows: tiles.map(({ rows: [from, to] }) => ({ from, to })),
        ...columnsOf(tiles),
      },
    ];
  });
}

/** All or none of the members say which; one that says none would need to know how many there are. */
function columnsOf(tiles: readonly PlannedTile[]): Pick<TileStage, "columns"> {
  const stated = tiles.flatMap(({ columns }) => columns ?? []);
  if (stated.length === 0) return {};
  const columns = tiles.map(({ device, columns: own }) => {
    if (own !== undefined) return { from: own[0], to: own[1] };
    throw invalid(`device '${device}' has no columns in a stage whose other devices have`);
  });
  return { columns };
}

/**
 * Refuses a plan whose stages are not those of its placement: what is cut and run are the stages,
 * what is evaluated is the placement.
 *
 * @param index of the graph that the plan is for
 * @throws PLAN_INVALID
 */
export function checkStages(index: GraphIndex, plan: Plan): void {
  const members = plan.stages.flatMap(({ tiles = [] }) => tiles.map(({ device }) => device));
  const names = [...new Set([...Object.values(plan.placement), ...members])];
  const tiles = tileStages(index, plan, names);
  const expected = groupStages(index, placeNodes(index, plan.placement, names), tiles).map(
    ({ device, nodes, tiles: shared }) =>
      JSON.stringify([
        [...new Set(shared?.devices ?? [device])].map((member) => names[member]),
        nodes.map((node) => index.graph.nodes[node]?.name),
      ]),
  );
  const wrong = plan.stages.find(
    ({ devices, nodes }, position) => JSON.stringify([devices, nodes]) !== expected[position],
  );
  if (wrong !== undefined || plan.stages.length !== expected.length) {
    const which = wrong === undefined ? `${plan.stages.length} stages` : `stage '${wrong.id}'`;
    throw invalid(
      `${which} of the plan ${wrong === undefined ? "are" : "is"} not what its placement gives (${expected.length} stages); plan again instead of editing the file`,
    );
  }
  if (new Set(plan.stages.map(({ id }) => id)).size === plan.stages.length) return;
  throw invalid("two stages of the plan have one id; plan again instead of editing the file");
}

function placeNodes(
  index: GraphIndex,
  placement: Plan["placement"],
  devices: readonly string[],
): Placement {
  const deviceByName = new Map(devices.map((name, device) => [name, device]));
  const stray = Object.keys(placement).find((name) => !index.nodeByName.has(name));
  if (stray !== undefined) throw invalid(`the plan places node '${stray}', which the graph lacks`);
  return index.graph.nodes.map(({ name }) => {
    const device = Object.hasOwn(placement, name) ? placement[name] : undefined;
    if (device === undefined) throw invalid(`the plan places node '${name}' nowhere`);
    const position = deviceByName.get(device);
    if (position !== undefined) return position;
    throw invalid(`the plan places node '${name}' on '${device}', which the topology lacks`);
  });
}

function checkClaims(claimed: Plan["claimed"], evaluated: Plan["claimed"]): void {
  const { memoryBytes, ...figures } = claimed;
  const { memoryBytes: needed, ...found } = evaluated;
  checkFigures("claimed", figures, found);
  checkFigures("claimed.memoryBytes", memoryBytes, needed);
}

function checkFigures(
  field: string,
  claimed: Readonly<Record<string, number>>,
  evaluated: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(evaluated)) {
    checkClaim(`${field}.${name}`, claimed[name], value);
  }
  const stray = Object.keys(claimed).find((name) => !Object.hasOwn(evaluated, name));
  if (stray === undefined) return;
  throw invalid(`the plan says ${field}.${stray} = ${claimed[stray]}, which there is not`);
}

function secondsOf(stages: readonly Stage[]): Record<string, number> {
  return Object.fromEntries(stages.map(({ seconds }, position) => [position, seconds]));
}

function checkTransfers(claimed: readonly Transfer[], evaluated: readonly Transfer[]): void {
  const spanOf = (what: string, span: readonly [number, number] | undefined): string =>
    span === undefined ? "" : ` ${what} ${span[0]} to ${span[1]}`;
  const nameOf = ({ tensor, from, to, rows, columns }: Transfer): string =>
    `'${tensor}' ${from} → ${to}${spanOf("rows", rows)}${spanOf("columns", columns)}`;
  const names = evaluated.map(nameOf);
  const wrong = claimed.findIndex((transfer, position) => nameOf(transfer) !== names[position]);
  if (wrong >= 0 || claimed.length !== evaluated.length) {
    const at = wrong >= 0 ? wrong : Math.min(claimed.length, evaluated.length);
    const observed = claimed[at] === undefined ? "none" : nameOf(claimed[at]);
    throw invalid(`transfer ${at} of the plan is ${observed}, but it is ${names[at] ?? "none"}`);
  }
  claimed.forEach(({ bytes, seconds }, position) => {
    const found = evaluated[position] as Transfer;
    const field = `transfer of ${names[position]}`;
    checkFigures(field, { bytes, seconds }, { bytes: found.bytes, seconds: found.seconds });
  });
}

/** That gap and guarantee are what the bound proves. Whether the bound holds only a planner knows. */
function checkProof({ bound, gap, guarantee, class: among }: Plan, value: number): void {
  if (bound !== null && bound > value * (1 + tolerance)) {
    throw invalid(`the plan's bound ${bound} is above its own value ${value}`);
  }
  const proven = gapOf(value, bound);
  const isSame =
    gap === proven || (gap !== null && proven !== null && Math.abs(gap - proven) <= tolerance);
  if (!isSame) throw invalid(`the plan claims a gap of ${gap}, but its bound gives ${proven}`);
  const earned = guaranteeOf(proven, among ?? null);
  if (guarantee === earned) return;
  throw invalid(`the plan claims the guarantee '${guarantee}', but its bound gives '${earned}'`);
}

function checkClaim(field: string, claimed: number | undefined, evaluated: number): void {
  const difference = Math.abs((claimed ?? Number.NaN) - evaluated);
  if (difference <= tolerance * Math.abs(evaluated)) return;
  // An empty graph has a period of 0, and so both throughputs are infinite.
  if (claimed === evaluated) return;
  throw invalid(
    `the plan says ${field} = ${claimed}, but it is ${evaluated}: it was made from another profile or topology, or edited; plan again`,
  );
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
