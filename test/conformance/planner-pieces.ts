/**
 * Random problems whose graphs have many places to cut.
 *
 * @module
 */
import type { Random } from "../../src/base/random.ts";
import type { Question } from "./planner-oracle.ts";

/** The same devices and costs, for a graph whose branches soon meet again. */
export function inPieces(question: Question, random: Random): Question {
  const { graph } = question.profile;
  const nodes = graph.nodes.map((node, position) => {
    const read = position === 0 ? [graph.inputs[0] as string] : [`t${position - 1}`];
    const isJump = position > 1 && random.next() < 0.25;
    return { ...node, inputs: isJump ? [...read, `t${position - 2}`] : read };
  });
  const tensors = graph.tensors.map(({ codecs: _, ...tensor }) => tensor);
  const outputs = [`t${nodes.length - 1}`];
  const used = nodes.flatMap(({ outputs: made }) => made);
  const kept = tensors.filter(({ name }) => name === graph.inputs[0] || used.includes(name));
  const inputs = graph.inputs.slice(0, 1);
  const { inputBytes } = question.topology;
  const limits = { ...question.limits };
  if (typeof limits.keepLocal === "string") limits.keepLocal = "t0";
  return {
    ...question,
    limits,
    profile: {
      ...question.profile,
      graph: { ...graph, nodes, inputs, outputs, tensors: kept },
    },
    topology: {
      ...question.topology,
      inputBytes: Object.fromEntries(
        Object.entries(inputBytes).filter(([name]) => inputs.includes(name)),
      ),
    },
  };
}
