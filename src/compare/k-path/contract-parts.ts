import { bytes, seconds } from "../../base/units.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Plan } from "../../plan/plan.ts";

/**
 * The stages of a plan that is a chain, as a profile with a node for each: for placing the same parts
 * anew. Each part takes so much memory that two fit no device with `roomForOnePart`.
 */
export function contractParts({ graph, devices, ...others }: Profile, plan: Plan): Profile {
  const stages = plan.stages.map(({ nodes }) => new Set(nodes));
  const partOf = graph.nodes.map(({ name }) => stages.findIndex((names) => names.has(name)));
  const producer = new Map(
    graph.nodes.flatMap(({ outputs }, node) => outputs.map((name) => [name, partOf[node]])),
  );
  const nodes = stages.map((_, part) => {
    const own = graph.nodes.filter((_, node) => partOf[node] === part);
    const read = new Set(own.flatMap(({ inputs }) => inputs));
    const made = own.flatMap(({ outputs }) => outputs);
    const isNeeded = (name: string): boolean =>
      graph.outputs.includes(name) ||
      graph.nodes.some(({ inputs }, node) => partOf[node] !== part && inputs.includes(name));
    return {
      name: `part${part}`,
      operator: "Part",
      inputs: [...read].filter((name) => producer.get(name) !== part),
      outputs: made.filter(isNeeded),
      flop: null,
      parameterBytes: bytes(2 ** 50),
    };
  });
  const kept = new Set(nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  const { source: _, ...rest } = others;
  return {
    ...rest,
    graph: {
      name: graph.name,
      inputs: graph.inputs,
      outputs: graph.outputs,
      tensors: graph.tensors.filter(({ name }) => kept.has(name) || graph.inputs.includes(name)),
      nodes,
    },
    devices: Object.fromEntries(
      Object.entries(devices).map(([kind, profile]) => [
        kind,
        {
          ...profile,
          nodeSeconds: stages.map((_, part) =>
            seconds(
              profile.nodeSeconds.reduce<number>(
                (sum, value, node) => sum + (partOf[node] === part ? (value ?? 0) : 0),
                0,
              ),
            ),
          ),
        },
      ]),
    ),
  };
}
