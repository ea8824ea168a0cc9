import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { createBuilder } from "../onnx/build.ts";
import { mainGraph, withFields } from "../onnx/message.ts";
import { canonicalOrder } from "./canonical-order.ts";

/** Two branches of two nodes each that meet, and a node that leads nowhere. */
function fork() {
  const b = createBuilder({ name: "fork" });
  const x = b.input("x", "float32", [1]);
  const [l1, r1] = [b.node("Exp", [x], { name: "l1" }), b.node("Tan", [x], { name: "r1" })];
  const [l2, r2] = [b.node("Abs", [l1], { name: "l2" }), b.node("Neg", [r1], { name: "r2" })];
  b.node("Cos", [r1], { name: "nowhere" });
  b.output(b.node("Add", [r2, l2], { name: "end" }));
  return mainGraph(b.build().proto);
}

test("branches stand one after another, in the order in which they are read", () => {
  expect(canonicalOrder(fork()).map(({ name }) => name)).toEqual(
    ["r1", "r2", "l1", "l2", "end"].concat("nowhere"),
  );
});

test("the order in which nodes are listed does not matter", () => {
  const graph = fork();
  const expected = canonicalOrder(graph);
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const node = createRandom(seed).shuffle(graph.node);
      expect(canonicalOrder(withFields(graph, { node }))).toEqual(expected);
    }),
  );
});

test("a chain of 50,000 nodes does not overflow the stack", () => {
  const b = createBuilder({ name: "chain" });
  let value = b.input("x", "float32", [1]);
  for (let step = 0; step < 50_000; step++) {
    value = b.node("Abs", [value], { name: `n${step}`, output: `t${step}` });
  }
  b.output(value);
  expect(canonicalOrder(mainGraph(b.build().proto))).toHaveLength(50_000);
});
