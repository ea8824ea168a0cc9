import { expect, test } from "vitest";
import { type SmallProblem, smallProblem } from "../../test/fixtures/small-problem.ts";
import { evaluate } from "./evaluate.ts";

/** A chain a → b → c with a connection from s, which a makes, to c. */
const skip: SmallProblem = {
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["s"] },
    { name: "b", inputs: ["s"], outputs: ["t"] },
    { name: "c", inputs: ["s", "t"], outputs: ["x"] },
    { name: "d", inputs: ["x"], outputs: ["y"] },
  ],
  bytes: { in: 1, s: 1, t: 1, x: 1, y: 1 },
  outputs: ["y"],
  topology: `
devices: [{ name: camera }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidth: 8 bit/s }]
source: camera`,
};

test("lets the named tensor leave, but none that it is made from", () => {
  const keep = (keepLocal: string | number, placement: number[]) =>
    evaluate(smallProblem({ ...skip, limits: { keepLocal } }), placement).type;
  expect(keep("s", [0, 1, 1, 1])).toBe("feasible");
  expect(keep("s", [1, 1, 1, 1])).toBe("infeasible");
  expect(keep("x", [0, 0, 0, 1])).toBe("feasible");
  expect(keep("x", [0, 0, 1, 1])).toBe("infeasible");
  expect(keep("in", [1, 1, 1, 1])).toBe("feasible");
  expect(keep(0, [1, 1, 1, 1])).toBe("feasible");
  expect(keep(3, [0, 0, 0, 1])).toBe("feasible");
  expect(keep(4, [0, 0, 0, 1])).toBe("infeasible");
});

test("names node, device and tensor where a skip connection leaks", () => {
  const problem = smallProblem({ ...skip, limits: { keepLocal: "t" } });
  expect([...problem.pinned].sort()).toEqual([0, 1, 2]);
  // t itself may leave; s, which t is made from, may not, and c reads it.
  expect(evaluate(problem, [0, 0, 1, 1])).toMatchObject({
    type: "infeasible",
    witness: { node: "c", device: "cloud", tensor: "s" },
  });
  expect(evaluate(problem, [0, 0, 0, 1]).type).toBe("feasible");
});

test("refuses to deliver a private tensor to a sink elsewhere", () => {
  const topology = `${skip.topology}\nsink: cloud`;
  const small = { ...skip, outputs: ["s", "y"], topology, limits: { keepLocal: "t" } };
  expect(evaluate(smallProblem(small), [0, 0, 0, 1])).toMatchObject({
    witness: { tensor: "s", device: "cloud" },
  });
});

test("refuses a tensor that the graph lacks and a count beyond its nodes", () => {
  expect(() => smallProblem({ ...skip, limits: { keepLocal: "nope" } })).toThrow(
    "no tensor is named",
  );
  expect(() => smallProblem({ ...skip, limits: { keepLocal: 5 } })).toThrow("the graph has 4");
});
