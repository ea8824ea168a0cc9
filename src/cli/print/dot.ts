/**
 * Pictures of plans in the DOT language: stages as boxes, coloured by device.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import { colourOf, quote } from "./dot-terms.ts";
import { describeDevices } from "./plan.ts";
import { shorten } from "./shorten.ts";
import { hasTiles, tileLines } from "./tiles-dot.ts";

/** Larger graphs are drawn stage by stage: nobody reads a thousand boxes. */
const mostNodes = 150;

/**
 * Writes a plan as a DOT graph; nodes one by one, or stages only where they are too many or several
 * devices run some of them.
 */
export function planToDot(plan: Plan, problem: Problem): string {
  const isTiled = hasTiles(plan);
  const whole = isTiled || problem.index.graph.nodes.length <= mostNodes;
  const lines = [
    "digraph plan {",
    `  graph [rankdir=${whole ? "TB" : "LR"}, fontname="Helvetica", labelloc=t, fontsize=11, nodesep=0.3, compound=true, newrank=true,`,
    `    label=${quote(title(plan))}];`,
    '  node [shape=box, style="filled,rounded", fontname="Helvetica", fontsize=10, fillcolor=white];',
    '  edge [fontname="Helvetica", fontsize=9, color="#555555"];',
    ...linesOf(plan, problem, { isTiled, whole }),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function linesOf(
  plan: Plan,
  problem: Problem,
  { isTiled, whole }: { readonly isTiled: boolean; readonly whole: boolean },
): string[] {
  if (isTiled) return tileLines(plan, problem);
  return whole ? nodeLines(plan, problem) : stageLines(plan, problem);
}

/** Renders DOT as SVG, by Graphviz compiled to WebAssembly. */
export async function dotToSvg(dot: string): Promise<string> {
  const { instance } = await import("@viz-js/viz");
  return (await instance()).renderString(dot, { format: "svg" });
}

function title(plan: Plan): string {
  const { latencySeconds, throughputPerSecond } = plan.claimed;
  return `${plan.objective}\nlatency ${formatQuantity(latencySeconds, "s")}\n${Number(throughputPerSecond.toPrecision(3))} /s`;
}

function stageTitle({ nodes, seconds, ...stage }: Plan["stages"][number]): string {
  return `${stage.id} on ${describeDevices(stage)}\n${nodes.length} nodes, ${formatQuantity(seconds, "s")}`;
}

/** Every node in the cluster of its stage; edges that cross carry the tensor's bytes. */
function nodeLines(plan: Plan, problem: Problem): string[] {
  const { graph } = problem.index;
  const clusters = plan.stages.flatMap((stage) => [
    `  subgraph ${quote(`cluster_${stage.id}`)} {`,
    `    label=${quote(stageTitle(stage))}; style="filled,rounded"; color="#888888";`,
    `    fillcolor=${quote(colourOf(problem, stage.devices[0]))};`,
    ...stage.nodes.map((name) => {
      const node = graph.nodes[problem.index.nodeByName.get(name) as number];
      return `    ${quote(`node ${name}`)} [label=${quote(`${node?.operator}\n${shorten(name, 28)}`)}];`;
    }),
    "  }",
  ]);
  const endOf = (node: number | null | undefined, tensor: string): string =>
    quote(
      node === null || node === undefined ? `input ${tensor}` : `node ${graph.nodes[node]?.name}`,
    );
  const edges = graph.tensors.flatMap(({ name }, tensor) => {
    const producer = problem.index.producer[tensor] ?? null;
    const home = deviceOf(plan, problem, producer);
    return (problem.index.consumers[tensor] ?? []).map((consumer) => {
      const crosses = deviceOf(plan, problem, consumer) !== home;
      const style = crosses ? crossing(problem, tensor) : "";
      return `  ${endOf(producer, name)} -> ${endOf(consumer, name)}${style};`;
    });
  });
  return [...clusters, ...inputLines(problem), ...edges, ...outputLines(problem, endOf)];
}

/** One box per stage; one edge for all tensors between two stages. */
function stageLines(plan: Plan, problem: Problem): string[] {
  const stageOf = new Map(plan.stages.flatMap(({ id, nodes }) => nodes.map((name) => [name, id])));
  const boxes = plan.stages.map(
    (stage) =>
      `  ${quote(`stage ${stage.id}`)} [label=${quote(stageTitle(stage))}, fillcolor=${quote(colourOf(problem, stage.devices[0]))}];`,
  );
  const flows = new Map<string, { ends: string; tensors: Set<number> }>();
  const { graph } = problem.index;
  const endOf = (node: number | null | undefined, tensor: string): string =>
    quote(
      node === null || node === undefined
        ? `input ${tensor}`
        : `stage ${stageOf.get(graph.nodes[node]?.name ?? "")}`,
    );
  graph.tensors.forEach(({ name }, tensor) => {
    const from = endOf(problem.index.producer[tensor], name);
    for (const consumer of problem.index.consumers[tensor] ?? []) {
      const to = endOf(consumer, name);
      if (from === to) continue;
      const flow = flows.get(from + to) ?? { ends: `${from} -> ${to}`, tensors: new Set() };
      flow.tensors.add(tensor);
      flows.set(from + to, flow);
    }
  });
  const edges = [...flows.values()].map(({ ends, tensors }) => {
    const bytes = [...tensors].reduce((sum, tensor) => sum + (problem.linkBytes[tensor] ?? 0), 0);
    const [first = 0] = tensors;
    const what =
      tensors.size === 1
        ? shorten(graph.tensors[first]?.name ?? "", 28)
        : `${tensors.size} tensors`;
    return `  ${ends} [label=${quote(`${what}\n${formatQuantity(bytes, "B")}`)}];`;
  });
  return [...boxes, ...inputLines(problem), ...edges, ...outputLines(problem, endOf)];
}

function inputLines(problem: Problem): string[] {
  return problem.index.graph.inputs.map(
    (name) =>
      `  ${quote(`input ${name}`)} [label=${quote(name)}, shape=ellipse, fillcolor=${quote(colourOf(problem, problem.topology.source))}];`,
  );
}

function outputLines(
  problem: Problem,
  endOf: (node: number | null | undefined, tensor: string) => string,
): string[] {
  const { index, topology } = problem;
  return index.graph.outputs.flatMap((name) => {
    const tensor = index.tensorByName.get(name) as number;
    const producer = index.producer[tensor];
    const id = quote(`output ${name}`);
    const bytes = formatQuantity(problem.linkBytes[tensor] ?? 0, "B");
    const fill = topology.sink === "anywhere" ? "white" : colourOf(problem, topology.sink);
    return [
      `  ${id} [label=${quote(name)}, shape=ellipse, fillcolor=${quote(fill)}];`,
      `  ${endOf(producer, name)} -> ${id} [label=${quote(bytes)}];`,
    ];
  });
}

function deviceOf(plan: Plan, problem: Problem, node: number | null): string | undefined {
  if (node === null) return problem.topology.source;
  return plan.placement[problem.index.graph.nodes[node]?.name ?? ""];
}

function crossing(problem: Problem, tensor: number): string {
  const bytes = formatQuantity(problem.linkBytes[tensor] ?? 0, "B");
  return ` [label=${quote(bytes)}, color="#c03000", penwidth=2]`;
}
