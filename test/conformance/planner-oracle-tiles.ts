/**
 * What a placement with tile-parallel stages costs a second time: row by row, with sets of rows and no
 * intervals. Routes and hops of pieces are those of the other oracle, for tensors of their size.
 *
 * @module
 */
import type { Figures, Question } from "./planner-oracle.ts";
import { type Crossing, type Wiring, wire } from "./planner-oracle-hops.ts";
import {
  filled,
  isAllowed,
  type Part,
  partsOf,
  type Rows,
  range,
  secondsOf,
  sum,
  type TiledStage,
} from "./planner-oracle-tile-parts.ts";
import { objectiveValue } from "./planner-oracle-value.ts";

type Graph = Question["profile"]["graph"];

export interface TileOracle {
  /** `null`: not allowed. Of the limits only a number of first nodes that stay local is known. */
  cost(placement: readonly number[], stages: readonly TiledStage[]): Figures | null;
}

/** @param question all tensors of which are [1, _, height, _] */
export function createTileOracle(question: Question): TileOracle {
  const { graph } = question.profile;
  const heights = graph.tensors.map(({ shape }) => shape[2] as number);
  const pieces = wirePieces(question, heights);
  return {
    cost: (placement, stages) => {
      const parts = partsOf(graph, heights, placement, stages);
      const passages = passagesOf(question, parts, heights, pieces);
      if (passages === null || !isAllowed(question, parts)) return null;
      const memoryBytes = memoryOf(question, parts, heights);
      const fits = question.topology.devices.every(
        ({ memoryBytes: cap }, device) => cap === null || (memoryBytes[device] as number) <= cap,
      );
      return fits ? figuresOf(question, parts, passages, stages, memoryBytes) : null;
    },
  };
}

interface Pieces {
  readonly wiring: Wiring;
  readonly whole: Wiring;
  /** Position in `wiring` of so many rows of a tensor. */
  at(tensor: number, rows: number): number;
}

/** Every number of rows of every tensor as a tensor of its own. */
function wirePieces(question: Question, heights: readonly number[]): Pieces {
  const { profile, topology } = question;
  const { graph } = profile;
  const starts: number[] = [];
  const tensors: Graph["tensors"][number][] = [];
  const inputBytes: Record<string, Graph["tensors"][number]["bytes"]> = {};
  const inputs: string[] = [];
  graph.tensors.forEach((tensor, position) => {
    starts.push(tensors.length);
    const height = heights[position] as number;
    for (let rows = 1; rows <= height; rows++) {
      const scale = (bytes: number) =>
        (bytes * (rows / height)) as Graph["tensors"][number]["bytes"];
      const name = `${tensor.name}@${rows}`;
      tensors.push({ ...tensor, name, bytes: scale(tensor.bytes) });
      if (!graph.inputs.includes(tensor.name)) continue;
      inputs.push(name);
      const stated = topology.inputBytes[tensor.name];
      if (stated !== undefined) inputBytes[name] = scale(stated);
    }
  });
  const cut: Question = {
    ...question,
    profile: { ...profile, graph: { ...graph, inputs, tensors } },
    topology: { ...topology, inputBytes },
  };
  return {
    wiring: wire(cut),
    whole: wire(question),
    at: (tensor, rows) => (starts[tensor] as number) + rows - 1,
  };
}

/** Rows of a tensor over a link, and the members that wait for them. */
interface Passage {
  readonly link: number;
  readonly crossing: Crossing;
  readonly stage: number | null;
  readonly devices: readonly number[];
}

interface Want {
  readonly device: number;
  readonly rows: Rows;
  /** The stages for which they are wanted, in the order of their last nodes. */
  readonly stages: readonly number[];
}

function passagesOf(
  question: Question,
  parts: readonly Part[],
  heights: readonly number[],
  pieces: Pieces,
): Passage[] | null {
  const { profile, topology } = question;
  const { graph } = profile;
  const named = (name: string) => topology.devices.findIndex((device) => device.name === name);
  const passages: Passage[] = [];
  for (const [tensor, { name }] of graph.tensors.entries()) {
    const makers = parts.filter(({ node }) => graph.nodes[node]?.outputs.includes(name));
    const whole = range(0, heights[tensor] as number);
    const homes =
      makers.length > 0 ? makers : [{ device: named(topology.source), made: whole, stage: null }];
    const readers = parts.filter(
      ({ read, stage }) => read.has(tensor) && (stage === null || stage !== makers[0]?.stage),
    );
    const sink = topology.sink === "anywhere" ? [] : [named(topology.sink)];
    const wants = topology.devices.flatMap((_, device): Want[] => {
      const own = readers.filter((reader) => reader.device === device);
      const isSink = graph.outputs.includes(name) && sink.includes(device);
      const rows = own.flatMap(({ read }) => [...(read.get(tensor) ?? [])]);
      const asked = filled(new Set([...rows, ...(isSink ? whole : [])]));
      const staged = own.filter(({ read }) => (read.get(tensor)?.size ?? 0) > 0);
      return asked.size === 0
        ? []
        : [{ device, rows: asked, stages: staged.flatMap(({ stage }) => stage ?? []) }];
    });
    for (const { device, made } of homes.flatMap((home) => inPieces(home, homes))) {
      const found = carry(pieces, tensor, device, made, wants);
      if (found === null) return null;
      passages.push(...found);
    }
  }
  return passages;
}

/** All that a home's device made, in pieces without gaps, said by the home that begins a piece. */
function inPieces<T extends { readonly device: number; readonly made: Rows }>(
  home: T,
  homes: readonly T[],
): { device: number; made: Rows }[] {
  const own = homes.filter(({ device }) => device === home.device);
  const all = new Set(own.flatMap(({ made }) => [...made]));
  const first = Math.min(...home.made);
  if (home.made.size === 0 || all.has(first - 1)) return [];
  let end = first;
  while (all.has(end)) end++;
  return [{ device: home.device, made: range(first, end) }];
}

function carry(
  { wiring, whole, at }: Pieces,
  tensor: number,
  home: number,
  made: Rows,
  wants: readonly Want[],
): Passage[] | null {
  const behind = wiring.links.map((): Want[] => []);
  for (const want of wants) {
    const rows = new Set([...want.rows].filter((row) => made.has(row)));
    if (want.device === home || rows.size === 0) continue;
    const route = wiring.routes[at(tensor, rows.size)]?.[home]?.[want.device];
    if (route === null || route === undefined) return null;
    behind.forEach((list, link) => {
      if (((route >> link) & 1) === 1) list.push({ ...want, rows });
    });
  }
  return behind.flatMap((list, link) => {
    if (list.length === 0) return [];
    const rows = filled(new Set(list.flatMap((want) => [...want.rows])));
    const usual = whole.usual[tensor]?.[link]?.codec;
    const crossing = wiring.options[at(tensor, rows.size)]?.[link]?.find(
      ({ codec }) => codec === usual,
    ) as Crossing;
    const stages = list.flatMap((want) => want.stages);
    const stage = stages.length === 0 ? null : Math.min(...stages);
    const waiting = list.filter((want) => Math.min(...want.stages) === stage);
    return [{ link, crossing, stage, devices: waiting.map(({ device }) => device) }];
  });
}

function memoryOf(
  { profile, topology }: Question,
  parts: readonly Part[],
  heights: readonly number[],
): number[] {
  const { graph, devices } = profile;
  return topology.devices.map(({ profile: kind }, device) => {
    const own = parts.filter((part) => part.device === device);
    if (own.length === 0) return 0;
    const inTurn = new Set(
      own.flatMap(({ stage, tile }) =>
        stage !== null && own.some((other) => other.stage === stage && other.tile !== tile)
          ? stage
          : [],
      ),
    );
    const lastOf = (stage: number): number =>
      Math.max(...own.filter((part) => part.stage === stage).map(({ node }) => node));
    const at = ({ node, stage }: Part): number =>
      stage !== null && inTurn.has(stage) ? lastOf(stage) : node;
    const lives = livesOf(graph, heights, own).map((life) => {
      const inner = life.users.filter(
        ({ stage }) => stage !== null && inTurn.has(stage) && isInner(graph, own, stage, life.name),
      );
      return { ...life, users: life.users.filter((user) => !inner.includes(user)).map(at) };
    });
    const peakAt = (node: number): number =>
      sum(
        lives
          .filter(({ users }) => Math.min(...users) <= node && node <= Math.max(...users))
          .map(({ bytes }) => bytes),
      );
    const besides = (node: number): number =>
      Math.max(
        0,
        ...[...inTurn]
          .filter((stage) => lastOf(stage) === node)
          .flatMap((stage) => tilePeaks(graph, heights, own, stage)),
      );
    const peaks = own.map((part) => peakAt(at(part)) + besides(at(part)));
    const parameters = own.map(({ node }) => graph.nodes[node]?.parameterBytes ?? 0);
    const name = kind ?? Object.keys(devices)[0] ?? "";
    return (
      (devices[name]?.overheadBytes ?? 0) +
      parameters.reduce<number>((total, bytes) => total + bytes, 0) +
      Math.max(...peaks)
    );
  });
}

/** Who of some uses each tensor, and the bytes of the rows that they do. */
function livesOf(graph: Graph, heights: readonly number[], own: readonly Part[]) {
  return graph.tensors.map(({ name, bytes }, tensor) => {
    const makes = ({ node }: Part): boolean => graph.nodes[node]?.outputs.includes(name) === true;
    const users = own.filter((part) => part.read.has(tensor) || makes(part));
    const rows = users.flatMap((part) => [
      ...(part.read.get(tensor) ?? []),
      ...(makes(part) ? part.made : []),
    ]);
    const share = filled(new Set(rows)).size / (heights[tensor] as number);
    return { name, bytes: bytes * share, users };
  });
}

/** The most that each tile of a stage holds. */
function tilePeaks(
  graph: Graph,
  heights: readonly number[],
  own: readonly Part[],
  stage: number,
): number[] {
  const tiles = new Set(own.filter((part) => part.stage === stage).map(({ tile }) => tile));
  return [...tiles].map((tile) => {
    const parts = own.filter((part) => part.stage === stage && part.tile === tile);
    const lives = livesOf(graph, heights, parts);
    const held = parts.map(({ node }) =>
      sum(
        lives
          .filter(
            ({ users }) =>
              users.some((user) => user.node <= node) && users.some((user) => user.node >= node),
          )
          .map(({ bytes }) => bytes),
      ),
    );
    return Math.max(...held);
  });
}

/** Whether a stage makes a tensor for nobody but itself. */
function isInner(graph: Graph, own: readonly Part[], stage: number, name: string): boolean {
  const nodes = new Set(own.filter((part) => part.stage === stage).map(({ node }) => node));
  const isMade = [...nodes].some((node) => graph.nodes[node]?.outputs.includes(name));
  const isRead = graph.nodes.some(({ inputs }, node) => inputs.includes(name) && !nodes.has(node));
  return isMade && !isRead && !graph.outputs.includes(name);
}

function figuresOf(
  question: Question,
  parts: readonly Part[],
  passages: readonly Passage[],
  stages: readonly TiledStage[],
  memoryBytes: readonly number[],
): Figures {
  const { objective, topology } = question;
  const compute = topology.devices.map((_, device) =>
    sum(parts.filter((part) => part.device === device).map((part) => secondsOf(question, part))),
  );
  const latencySeconds =
    sum(parts.filter(({ stage }) => stage === null).map((part) => secondsOf(question, part))) +
    sum(passages.filter(({ stage }) => stage === null).map(({ crossing }) => crossing.whole)) +
    sum(
      stages.map(({ devices }, stage) =>
        Math.max(
          ...[...new Set(devices)].map(
            (device) =>
              sum(
                parts
                  .filter((part) => part.stage === stage && part.device === device)
                  .map((part) => secondsOf(question, part)),
              ) +
              sum(
                passages
                  .filter((passage) => passage.stage === stage && passage.devices.includes(device))
                  .map(({ crossing }) => crossing.whole),
              ),
          ),
        ),
      ),
    );
  const { busy, loads } = loadsOf(question, compute, passages);
  const periodSeconds = Math.max(0, ...loads);
  const horizon = objective.type === "throughput" ? periodSeconds : latencySeconds;
  const energyJoules =
    sum(
      topology.devices.map(
        ({ busyWatts, idleWatts }, device) =>
          busyWatts * (busy[device] as number) + idleWatts * (horizon - (busy[device] as number)),
      ),
    ) +
    sum(
      passages.map(
        ({ link, crossing }) =>
          (topology.links[link]?.energyJoulesPerBit ?? 0) * 8 * crossing.bytes,
      ),
    );
  const value = objectiveValue(objective, { latencySeconds, periodSeconds, energyJoules });
  return { value, latencySeconds, periodSeconds, energyJoules, memoryBytes };
}

function loadsOf({ topology }: Question, compute: readonly number[], passages: readonly Passage[]) {
  const at = (link: number, end: "from" | "to") =>
    topology.devices.findIndex(({ name }) => name === topology.links[link]?.[end]);
  const busy = compute.map(
    (seconds, device) =>
      seconds +
      sum(passages.filter(({ link }) => at(link, "from") === device).map((p) => p.crossing.send)) +
      sum(passages.filter(({ link }) => at(link, "to") === device).map((p) => p.crossing.receive)),
  );
  const whole = compute.map(
    (seconds, device) =>
      seconds +
      sum(
        passages
          .filter(({ link }) => at(link, "from") === device || at(link, "to") === device)
          .map(({ crossing }) => crossing.whole),
      ),
  );
  const devices = topology.devices.map(({ communication }, device) =>
    communication === "exclusive" ? (whole[device] as number) : (busy[device] as number),
  );
  const airs = new Set(topology.links.map(({ medium }, link) => medium ?? link));
  const wires = [...airs].map((air) =>
    sum(
      passages
        .filter(({ link }) => (topology.links[link]?.medium ?? link) === air)
        .map(({ crossing }) => crossing.wire),
    ),
  );
  return { busy, loads: [...devices, ...wires] };
}
