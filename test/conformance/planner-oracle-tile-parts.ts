/**
 * What each device does of each node where several run a stage together, and whether it may: the first
 * half of the oracle for tile-parallel stages.
 *
 * @module
 */
import type { Question } from "./planner-oracle.ts";

type Graph = Question["profile"]["graph"];
export type Rows = ReadonlySet<number>;

/** A stage by positions; `rows[m]` are the first row of member m and the one behind its last. */
export interface TiledStage {
  readonly nodes: readonly number[];
  readonly devices: readonly number[];
  readonly rows: readonly (readonly [number, number])[];
}

/** What one device does of one node. */
export interface Part {
  readonly node: number;
  readonly device: number;
  /** `null`: it runs the node alone. */
  readonly stage: number | null;
  /** Which of the stage's tiles it is. */
  readonly tile: number;
  readonly made: Rows;
  /** By tensor. */
  readonly read: ReadonlyMap<number, Rows>;
}

export function partsOf(
  graph: Graph,
  heights: readonly number[],
  placement: readonly number[],
  stages: readonly TiledStage[],
): Part[] {
  const position = (name: string) => graph.tensors.findIndex((tensor) => tensor.name === name);
  const all = (name: string): Rows => range(0, heights[position(name)] as number);
  const parts: Part[] = [];
  graph.nodes.forEach((node, at) => {
    if (stages.some(({ nodes }) => nodes.includes(at))) return;
    const read = new Map(node.inputs.map((name) => [position(name), all(name)]));
    const made = all(node.outputs[0] as string);
    parts.push({ node: at, device: placement[at] as number, stage: null, tile: 0, made, read });
  });
  stages.forEach((stage, position) => {
    stage.devices.forEach((_, member) => {
      parts.push(...partsOfMember(graph, heights, stage, position, member));
    });
  });
  return parts.sort((a, b) => a.node - b.node);
}

function partsOfMember(
  graph: Graph,
  heights: readonly number[],
  { nodes, devices, rows }: TiledStage,
  stage: number,
  member: number,
): Part[] {
  const isAlone = devices.length === 1;
  const position = (name: string) => graph.tensors.findIndex((tensor) => tensor.name === name);
  const all = (tensor: number): Rows => range(0, heights[tensor] as number);
  const own = rows[member] as readonly [number, number];
  const wanted = new Map<number, Rows>();
  return [...nodes].reverse().map((node): Part => {
    const { inputs, outputs, window } = graph.nodes[node] as Graph["nodes"][number];
    const output = position(outputs[0] as string);
    const isLast = node === nodes[nodes.length - 1];
    const asked = isLast ? range(...own) : filled(wanted.get(output) ?? new Set());
    const made = isAlone ? all(output) : asked;
    const read = new Map<number, Rows>();
    for (const tensor of inputs.map(position)) {
      const touched = isAlone ? all(tensor) : touch(window, made, heights[tensor] as number);
      read.set(tensor, touched);
      wanted.set(tensor, new Set([...(wanted.get(tensor) ?? []), ...touched]));
    }
    return { node, device: devices[member] as number, stage, tile: member, made, read };
  });
}

/** Every position from the first tap of the first row to the last tap of the last; of padding the one next to it. */
function touch(window: Graph["nodes"][number]["window"], made: Rows, height: number): Rows {
  if (window === undefined) throw new Error("a node of a stage has no window");
  const touched: number[] = [];
  for (const row of made) {
    for (let tap = 0; tap < (window.kernel[0] as number); tap++) {
      touched.push(
        row * (window.stride[0] as number) -
          (window.padBegin[0] as number) +
          tap * (window.dilation[0] as number),
      );
    }
  }
  const all = [...filled(new Set(touched))];
  const real = all.filter((row) => row >= 0 && row < height);
  if (all.length === 0 || real.length > 0) return new Set(real);
  return new Set([(all[0] as number) < 0 ? 0 : height - 1]);
}

/** With everything between the least and the most. */
export function filled(rows: Rows): Rows {
  return rows.size === 0 ? rows : range(Math.min(...rows), Math.max(...rows) + 1);
}

export function range(from: number, to: number): Set<number> {
  return new Set(Array.from({ length: to - from }, (_, offset) => from + offset));
}

/** Of the limits only a number of first nodes that stay local is known. */
export function isAllowed(question: Question, parts: readonly Part[]): boolean {
  const { profile, topology, objective, limits } = question;
  const { nodes, outputs } = profile.graph;
  const kept = typeof limits.keepLocal === "number" ? limits.keepLocal : 0;
  const secret = new Set(nodes.slice(0, kept).flatMap(({ inputs }) => inputs));
  const isPrivate = (node: number): boolean =>
    node < kept || nodes[node]?.inputs.some((name) => secret.has(name)) === true;
  const colour = (node: number) => nodes[node]?.colocation;
  const isTogether = (a: Part, b: Part): boolean =>
    colour(a.node) === undefined ||
    colour(a.node) !== colour(b.node) ||
    (a.stage === b.stage && (a.stage !== null || a.device === b.device));
  const isDelivered = topology.sink !== "anywhere" && topology.sink !== topology.source;
  return (
    parts.every(
      (part) =>
        wholeSeconds(question, part) < Number.POSITIVE_INFINITY &&
        (!isPrivate(part.node) || topology.devices[part.device]?.name === topology.source) &&
        parts.every((other) => isTogether(part, other)),
    ) &&
    !(isDelivered && outputs.some((name) => secret.has(name))) &&
    (objective.type !== "throughput" || !hasCycle(question, parts))
  );
}

/** Whether what a device makes comes back to it by way of others. */
function hasCycle({ profile }: Question, parts: readonly Part[]): boolean {
  const feeds = (a: Part, b: Part): boolean =>
    profile.graph.nodes[b.node]?.inputs.includes(
      profile.graph.nodes[a.node]?.outputs[0] as string,
    ) === true &&
    (a.stage === null || a.stage !== b.stage);
  const arrows = parts.flatMap((a) =>
    parts.filter((b) => a.device !== b.device && feeds(a, b)).map((b) => [a.device, b.device]),
  );
  const reached = (from: number): number[] => {
    const seen = new Set<number>();
    const visit = (at: number): void => {
      for (const [a, b] of arrows) {
        if (a !== at || seen.has(b as number)) continue;
        seen.add(b as number);
        visit(b as number);
      }
    };
    visit(from);
    return [...seen];
  };
  return arrows.some(([from]) => reached(from as number).includes(from as number));
}

/** Of one row at a time. */
export function secondsOf(question: Question, part: Part): number {
  const { graph } = question.profile;
  const output = graph.nodes[part.node]?.outputs[0];
  const rows = graph.tensors.find(({ name }) => name === output)?.shape[2] as number;
  const seconds = wholeSeconds(question, part);
  return sum([...part.made].map(() => seconds / rows));
}

/** Of all rows. */
function wholeSeconds({ profile, topology }: Question, { node, device }: Part): number {
  const { profile: stated, speed } = topology.devices[device] as Question["topology"]["devices"][0];
  const kind = stated ?? Object.keys(profile.devices)[0] ?? "";
  return (profile.devices[kind]?.nodeSeconds[node] ?? Number.POSITIVE_INFINITY) / speed;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
