/**
 * Pictures of plans with tiles in the DOT language: who reads and makes which part of what, which rows
 * of it others read too, and which travel.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import { extentsOf, shareOfNode } from "../../graph/tile.ts";
import type { Region, Rows } from "../../graph/window.ts";
import { placementOf, tilesOf } from "../../plan/check.ts";
import type { Plan, Stage, Transfer } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import { stageSeconds } from "../../plan/tiles/work.ts";
import { lastOf, layOut, type MemberStage } from "../../plan/tiles.ts";
import { colourOf, quote } from "./dot-terms.ts";
import { formatPercent } from "./percent.ts";
import { describeRegion, describeSent, rangeOf } from "./plan.ts";
import { shorten } from "./shorten.ts";
import { barOf, escaped, legend, travelling } from "./tile-bars.ts";

/** A device with more tiles of a stage shows only its first ones. */
const mostTiles = 4;

/** Whether several tiles of some stage stand in a plan. */
export function hasTiles({ stages }: Pick<Plan, "stages">): boolean {
  return stages.some(({ tiles = [] }) => tiles.length > 1);
}

/** The boxes of stages, one a member, and the arrows between them. */
export function tileLines(plan: Plan, problem: Problem): string[] {
  const picture = new Picture(plan, problem);
  return [...picture.boxes(), ...picture.ends(), ...picture.arrows(), ...legend()];
}

interface Relay {
  readonly box: string;
  readonly device: string;
  readonly tensor: number;
}

class Picture {
  readonly #plan: Plan;
  readonly #problem: Problem;
  readonly #members: ReadonlyMap<number, MemberStage>;

  constructor(plan: Plan, problem: Problem) {
    this.#plan = plan;
    this.#problem = problem;
    const tiles = tilesOf(problem, plan);
    const { stages } = layOut(problem.index, placementOf(problem, plan), tiles);
    this.#members = new Map(stages.map((stage) => [lastOf(stage), stage]));
  }

  boxes(): string[] {
    return this.#plan.stages.flatMap((stage) => {
      const shared = this.#members.get(this.#lastNode(stage));
      if (shared === undefined) return [this.#single(stage)];
      const ids = stage.devices.map((device) => quote(boxOf(stage.id, device)));
      return [
        `  subgraph ${quote(`cluster_${stage.id}`)} {`,
        `    label=${quote(`${stage.id}: ${describeNodes(stage)}${this.#twice(shared)}`)}; style=rounded; color="#888888"; labeljust=l;`,
        ...stage.devices.map((device, position) => {
          const label = this.#member(shared, device);
          const fill = colourOf(this.#problem, device);
          return `    ${ids[position]} [label=<${label}>, fillcolor=${quote(fill)}];`;
        }),
        ...(ids.length > 1 ? [`    { rank=same; ${ids.join(" -> ")} [style=invis]; }`] : []),
        "  }",
      ];
    });
  }

  ends(): string[] {
    const { index, topology } = this.#problem;
    const ellipse = (id: string, name: string, device: string) =>
      `  ${quote(`${id} ${name}`)} [label=${quote(`${shorten(name, 28)}\n${device}`)}, shape=ellipse, fillcolor=${quote(device === "" ? "white" : colourOf(this.#problem, device))}];`;
    const sink = topology.sink === "anywhere" ? "" : topology.sink;
    return [
      ...index.graph.inputs.map((name) => ellipse("input", name, topology.source)),
      ...index.graph.outputs.map((name) => ellipse("output", name, sink)),
    ];
  }

  /** What travels is red; what stays on its device is grey. */
  arrows(): string[] {
    const { graph } = this.#problem.index;
    const relays = this.#relays();
    const held = graph.tensors.flatMap(({ name }, tensor) => [
      ...this.#placesOf(tensor).map((place) => ({ ...place, name, tensor })),
      ...relays.filter((relay) => relay.tensor === tensor).map((relay) => ({ ...relay, name })),
    ]);
    const kept = held.flatMap(({ device, box, name, tensor }) =>
      this.#readers(tensor, device)
        .filter((reader) => reader !== box)
        .map((reader) => `  ${quote(box)} -> ${quote(reader)} [tooltip=${quote(name)}];`),
    );
    const passing = relays.map(({ device, box, tensor }) => {
      const label = quote(`${device} passes on\n${shorten(graph.tensors[tensor]?.name ?? "", 28)}`);
      const fill = quote(colourOf(this.#problem, device));
      return `  ${quote(box)} [label=${label}, shape=ellipse, fillcolor=${fill}];`;
    });
    const sent = this.#plan.transfers.flatMap((transfer) => this.#sent(transfer, relays));
    return [...passing, ...new Set([...kept, ...sent])];
  }

  /** Where a tensor passes through that is not made there. */
  #relays(): readonly Relay[] {
    const relays = new Map<string, Relay>();
    for (const { tensor: name, from } of this.#plan.transfers) {
      const tensor = this.#problem.index.tensorByName.get(name) as number;
      if (this.#placesOf(tensor).some(({ device }) => device === from)) continue;
      const box = `relay ${from} ${name}`;
      relays.set(box, { box, device: from, tensor });
    }
    return [...relays.values()];
  }

  #sent(transfer: Transfer, relays: readonly Relay[]): string[] {
    const { tensor, from, to, bytes, rows } = transfer;
    const position = this.#problem.index.tensorByName.get(tensor) as number;
    const relayOn = (device: string): string[] =>
      relays
        .filter((relay) => relay.tensor === position && relay.device === device)
        .map(({ box }) => box);
    const places = this.#placesOf(position).filter(({ device }) => device === from);
    const starts = places.length > 0 ? places.map(({ box }) => box) : relayOn(from);
    const [end = ""] = [...relayOn(to), ...this.#readers(position, to)];
    const what = `${rows === undefined ? "" : describeSent(transfer)}${shorten(tensor, 28)}`;
    const label = quote(`${what}\n${formatQuantity(bytes, "B")}`);
    return starts.map(
      (start) =>
        `  ${quote(start)} -> ${quote(end)} [label=${label}, color="${travelling}", fontcolor="${travelling}", penwidth=2];`,
    );
  }

  /** Where a tensor, or some of it, is made or enters. */
  #placesOf(tensor: number): { readonly device: string; readonly box: string }[] {
    const { index, topology } = this.#problem;
    const { name = "" } = index.graph.tensors[tensor] ?? {};
    const producer = index.producer[tensor] ?? null;
    if (producer === null) return [{ device: topology.source, box: `input ${name}` }];
    const node = index.graph.nodes[producer]?.name ?? "";
    const stage = this.#plan.stages.find(({ nodes }) => nodes.includes(node));
    return (stage?.devices ?? []).map((device) => ({
      device,
      box: this.#boxIn(stage as Stage, device),
    }));
  }

  /** The boxes of a device that read a tensor, in the order of the plan; the answer's if it wants it. */
  #readers(tensor: number, device: string): string[] {
    const { index, topology } = this.#problem;
    const names = (index.consumers[tensor] ?? []).map((node) => index.graph.nodes[node]?.name);
    const stages = this.#plan.stages.filter(
      ({ devices, nodes }) =>
        devices.includes(device) && nodes.some((node) => names.includes(node)),
    );
    const isAnswer = index.outputs.includes(tensor);
    const atSink = topology.sink === "anywhere" || topology.sink === device;
    return [
      ...stages.map((stage) => this.#boxIn(stage, device)),
      ...(isAnswer && atSink ? [`output ${index.graph.tensors[tensor]?.name}`] : []),
    ];
  }

  #boxIn(stage: Stage, device: string): string {
    return this.#members.has(this.#lastNode(stage)) ? boxOf(stage.id, device) : stage.id;
  }

  #lastNode({ nodes }: Stage): number {
    return Math.max(...nodes.map((name) => this.#problem.index.nodeByName.get(name) as number));
  }

  #single(stage: Stage): string {
    const [device = ""] = stage.devices;
    const label = quote(`${stage.id}: ${device}\n${describeNodes(stage)}`);
    const fill = quote(colourOf(this.#problem, device));
    return `  ${quote(stage.id)} [label=${label}, fillcolor=${fill}];`;
  }

  /** What its members compute more than once, and of which node most. */
  #twice({ nodes, members }: MemberStage): string {
    const { index } = this.#problem;
    const shares = nodes.map((node) =>
      members.reduce(
        (sum, { tile }) => sum + shareOfNode(index, node, tile.nodes.get(node) as Region),
        0,
      ),
    );
    const weigh = (of: (at: number) => number): number =>
      nodes.reduce((sum, node, at) => sum + (index.graph.nodes[node]?.flop ?? 0) * of(at), 0);
    const more = weigh((at) => shares[at] as number) / weigh(() => 1) - 1;
    const most = Math.max(...shares);
    if (!(most > 1 + 1e-9)) return "";
    const node = nodes[shares.indexOf(most)] as number;
    const extents = extentsOf(index, index.nodeOutputs[node]?.[0]);
    const isCut = members.some(({ tile }) => {
      const [, across] = tile.nodes.get(node) as Region;
      return across?.from !== 0 || across.to !== extents[1];
    });
    const [count, what] = isCut
      ? [(most - 1) * (extents[0] as number) * (extents[1] as number), "positions"]
      : [(most - 1) * (extents[0] as number), "rows"];
    const name = shorten(index.graph.nodes[node]?.name ?? "", 24);
    const share = more > 0 ? `${formatPercent(more)} ` : "";
    return `\n${share}computed again: ${Math.round(count)} ${what} of ${name}${nodes.length > 1 ? ", …" : ""}`;
  }

  #member(stage: MemberStage, device: string): string {
    const position = this.#problem.devices.findIndex(({ name }) => name === device);
    const own = stage.members.flatMap((one, at) => (one.device === position ? [at] : []));
    const seconds = stageSeconds(this.#problem, stage).get(position) ?? 0;
    const more = own.length > mostTiles ? `, ${own.length} tiles one after the other` : "";
    return [
      '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="0">',
      `<TR><TD COLSPAN="3">${escaped(device)}, ${formatQuantity(seconds, "s")}${more}</TD></TR>`,
      ...own.slice(0, mostTiles).map((at) => this.#tile(stage, at)),
      "</TABLE>",
    ].join("");
  }

  /** What a tile reads and what it makes, as parts of the whole. */
  #tile(stage: MemberStage, member: number): string {
    const { index } = this.#problem;
    const made = index.nodeOutputs[lastOf(stage)]?.[0] as number;
    const inside = new Set(stage.nodes.flatMap((node) => index.nodeOutputs[node] ?? []));
    const read = stage.nodes
      .flatMap((node) => index.nodeInputs[node] ?? [])
      .find((tensor) => !inside.has(tensor));
    const sides = [read, made].flatMap((tensor) => {
      const regions = stage.members.map(({ tile }) => tile.tensors.get(tensor ?? -1));
      const own = regions[member];
      if (tensor === undefined || own === undefined) return [];
      const extents = extentsOf(index, tensor);
      const others = regions.flatMap((region, at) => (at === member || !region ? [] : [region]));
      const fill = colourOf(this.#problem, this.#nameOf(stage, member));
      return [{ bar: barOf(extents, own, others, fill), text: describeOf(own, extents) }];
    });
    const [before, after] = sides;
    const arrow = "<TD> → </TD>";
    const left = before === undefined ? "<TD></TD>" : `<TD>${before.bar}</TD>`;
    const words = sides.map(({ text }) => `<TD><FONT POINT-SIZE="8">${text}</FONT></TD>`);
    const line = [words[0] ?? "<TD></TD>", "<TD></TD>", words[1] ?? "<TD></TD>"].join("");
    return `<TR>${left}${arrow}<TD>${after?.bar ?? ""}</TD></TR><TR>${line}</TR>`;
  }

  #nameOf({ members }: MemberStage, member: number): string {
    return this.#problem.devices[members[member]?.device ?? -1]?.name ?? "";
  }
}

function boxOf(stage: string, device: string): string {
  return `${stage} ${device}`;
}

function describeNodes({ nodes, seconds }: Stage): string {
  const count = nodes.length === 1 ? "" : ` (${nodes.length} nodes)`;
  return `${rangeOf(nodes)}${count}\n${formatQuantity(seconds, "s")}`;
}

function describeOf(region: Region, extents: readonly number[]): string {
  const [rows, columns] = region as [Rows, Rows];
  const isAll = columns.from === 0 && columns.to === extents[1];
  const spans = { rows: [rows.from, rows.to], columns: [columns.from, columns.to] } as const;
  const own = describeRegion(isAll ? { rows: spans.rows } : spans);
  return escaped(`${own} of ${extents.join(" × ")}`);
}
