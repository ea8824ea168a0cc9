import { extentsOf, heightOf } from "../../graph/tile.ts";
import { commonRegion, type Region, regionSize, rowCount } from "../../graph/window.ts";
import { findCycle, findMisplaced, type Infeasible, infeasible } from "../feasibility.ts";
import type { Placement, Problem } from "../problem.ts";
import { lastOf, regionOfMember, type TileStage } from "../tiles.ts";

/** The first rule that a placement with tile-parallel stages breaks, memory apart; `null`: it keeps them all. */
export function findTileViolation(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[],
): Infeasible | null {
  if (problem.limits.tiles !== true) {
    return infeasible(
      "several devices run a stage together, which is not allowed; allow it with the limit 'tiles' (--tiles)",
      { nodes: tiles[0]?.nodes.length ?? 0, devices: tiles[0]?.devices.length ?? 0 },
    );
  }
  const inStage = new Map<number, TileStage>();
  for (const stage of tiles) {
    const broken =
      findMalformed(problem, placement, stage, inStage) ??
      findUncut(problem, stage) ??
      findEscape(problem, stage) ??
      findBadRegions(problem, stage);
    if (broken !== null) return broken;
    for (const node of stage.nodes) inStage.set(node, stage);
  }
  return (
    findDivided(problem, inStage) ??
    findMisplaced(problem, placement) ??
    findMisplacedMember(problem, placement, tiles) ??
    (problem.objective.type === "throughput" ? findCycle(problem, placement, tiles) : null)
  );
}

function findMalformed(
  problem: Problem,
  placement: Placement,
  { nodes, devices, rows, columns }: TileStage,
  taken: ReadonlyMap<number, TileStage>,
): Infeasible | null {
  if (nodes.length === 0 || devices.length === 0) {
    return infeasible("a tile-parallel stage has no nodes or no devices");
  }
  if (rows.length !== devices.length) {
    return infeasible(
      `a tile-parallel stage has ${devices.length} devices and rows for ${rows.length}`,
      { devices: devices.length, rows: rows.length },
    );
  }
  if (columns !== undefined && columns.length !== devices.length) {
    return infeasible(
      `a tile-parallel stage has ${devices.length} devices and columns for ${columns.length}`,
      { devices: devices.length, columns: columns.length },
    );
  }
  const stray = nodes.find(
    (node, position) =>
      placement[node] !== devices[0] ||
      taken.has(node) ||
      (position > 0 && node <= (nodes[position - 1] as number)),
  );
  if (stray === undefined) return null;
  const node = nodeName(problem, stray);
  return infeasible(
    `node '${node}' is in two tile-parallel stages, twice or out of order in one, or placed elsewhere than on its first device`,
    { node },
  );
}

/** A node whose rows cannot be made one apart from the other. */
function findUncut(problem: Problem, { nodes }: TileStage): Infeasible | null {
  const { graph, nodeInputs, nodeOutputs } = problem.index;
  const isFlat = (tensor: number): boolean => graph.tensors[tensor]?.shape.length !== 4;
  const stray = nodes.find((node) => {
    const outputs = nodeOutputs[node] ?? [];
    const heights = new Set(outputs.map((tensor) => heightOf(problem.index, tensor)));
    return (
      graph.nodes[node]?.window === undefined ||
      heights.size !== 1 ||
      outputs.some(isFlat) ||
      (nodeInputs[node] ?? []).some(isFlat)
    );
  });
  if (stray === undefined) return null;
  const [node, operator] = [nodeName(problem, stray), graph.nodes[stray]?.operator ?? ""];
  return infeasible(
    `node '${node}' (${operator}) needs all rows of what it reads: several devices cannot run it together`,
    { node, operator },
  );
}

/** A node before the last that feeds something outside, or nothing inside. */
function findEscape(problem: Problem, { nodes }: TileStage): Infeasible | null {
  const { index } = problem;
  const inside = new Set(nodes);
  const last = lastOf({ nodes });
  for (const node of nodes) {
    if (node === last) continue;
    const outputs = index.nodeOutputs[node] ?? [];
    const readers = outputs.flatMap((tensor) => index.consumers[tensor] ?? []);
    const outer = readers.find((reader) => !inside.has(reader));
    const answers = outputs.some((tensor) => index.outputs.includes(tensor));
    if (outer === undefined && !answers && readers.length > 0) continue;
    const names = { node: nodeName(problem, node), last: nodeName(problem, last) };
    return infeasible(
      `node '${names.node}' of a tile-parallel stage ${describeEscape(problem, outer, answers)}: all that leaves the stage must come from its last node, '${names.last}'`,
      outer === undefined ? names : { ...names, consumer: nodeName(problem, outer) },
    );
  }
  return null;
}

function describeEscape(problem: Problem, outer: number | undefined, answers: boolean): string {
  if (outer !== undefined) return `feeds '${nodeName(problem, outer)}' outside of it`;
  return answers ? "makes an answer" : "feeds nothing in it";
}

/** A member's region must be whole and not empty; together they must be all, each position once. */
function findBadRegions(problem: Problem, stage: TileStage): Infeasible | null {
  if (stage.columns === undefined) return findBadRows(problem, stage);
  const last = lastOf(stage);
  const output = problem.index.nodeOutputs[last]?.[0];
  const regions = stage.rows.map((_, member) => regionOfMember(problem.index, stage, member));
  const extents = extentsOf(problem.index, output);
  const isInside = (region: Region): boolean =>
    region.every(
      ({ from, to }, axis) =>
        Number.isInteger(from) &&
        Number.isInteger(to) &&
        0 <= from &&
        from < to &&
        to <= (extents[axis] as number),
    );
  const total = regions.reduce((sum, region) => sum + regionSize(region), 0);
  const stray = regions.findIndex(
    (region, member) =>
      !isInside(region) ||
      regions.slice(0, member).some((other) => regionSize(commonRegion(other, region)) > 0),
  );
  const isAll = total === extents.reduce((product, extent) => product * extent, 1);
  if (stray < 0 && isAll) return null;
  const node = nodeName(problem, last);
  const device = problem.devices[stage.devices[Math.max(0, stray)] as number]?.name ?? "";
  return infeasible(
    `the tiles of '${node}', which has ${extents[0]} rows and ${extents[1]} columns, ${stray < 0 ? "leave positions out" : `lie outside of it or over one another at device '${device}'`}: together they must be all of it, each position once`,
    { node, device, rows: extents[0] as number, columns: extents[1] as number },
  );
}

/** Rows must be whole, not empty, one after the other, from the first to the last. */
function findBadRows(problem: Problem, { nodes, devices, rows }: TileStage): Infeasible | null {
  const last = lastOf({ nodes });
  const height = heightOf(problem.index, problem.index.nodeOutputs[last]?.[0]);
  let next = 0;
  for (const [member, { from, to }] of rows.entries()) {
    const end = member === rows.length - 1 ? height : to;
    const isGood =
      from === next && to === end && Number.isInteger(to) && rowCount({ from, to }) > 0;
    next = to;
    if (isGood && to <= height) continue;
    const device = problem.devices[devices[member] as number]?.name ?? "";
    const node = nodeName(problem, last);
    return infeasible(
      `device '${device}' has rows ${from} to ${to} of '${node}', which has ${height}: the rows of a stage must not be empty, follow one on the other, and be all`,
      { device, node, from, to, rows: height },
    );
  }
  return null;
}

/** Nodes that must stay together, of which a stage has some and not others. */
function findDivided(problem: Problem, inStage: ReadonlyMap<number, TileStage>): Infeasible | null {
  for (const [first = 0, ...others] of problem.groups) {
    const stray = others.find((node) => inStage.get(node) !== inStage.get(first));
    if (stray === undefined) continue;
    const names = { node: nodeName(problem, first), other: nodeName(problem, stray) };
    return infeasible(
      `nodes '${names.node}' and '${names.other}' must share a device, and a tile-parallel stage has only one of them`,
      names,
    );
  }
  return null;
}

/** What holds for the device of a node holds for every member that runs it. */
function findMisplacedMember(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[],
): Infeasible | null {
  for (const { nodes, devices } of tiles) {
    for (const device of new Set(devices.slice(1))) {
      const moved = [...placement];
      for (const node of nodes) moved[node] = device;
      const misplaced = findMisplaced(problem, moved);
      if (misplaced !== null) return misplaced;
    }
  }
  return null;
}

function nodeName({ index }: Problem, node: number): string {
  return index.graph.nodes[node]?.name ?? "";
}
