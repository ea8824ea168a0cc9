import { afterAll, expect, test } from "vitest";
import { Workbench } from "./partita.ts";

const bench = new Workbench();

afterAll(() => bench.remove());

test("one cell of the table of growth runs by itself and gives its figures as JSON", async () => {
  const cell = {
    type: "planner",
    study: "nodes",
    network: "resnet18",
    nodes: 100,
    shape: "tiers",
    devices: 3,
    objective: "throughput",
    planner: "exact",
    limitSeconds: 10,
  };
  const { code, output, errors } = await bench.run("bench", "cell", JSON.stringify(cell), "--json");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const found = JSON.parse(output);
  expect(found).toMatchObject({ end: "finished" });
  expect(found.nodes).toBeGreaterThanOrEqual(100);
  expect(found.bound).toBeLessThanOrEqual(found.value);
});

test.each([
  [["bench", "speed"], "bench can only measure scale"],
  [["bench", "cell", "{"], "wants one cell"],
  [["bench", "cell", '{ "type": "planner" }'], "wants one cell"],
])("refuses %j", async (words, reason) => {
  const { code, errors } = await bench.run(...words);
  expect(errors).toContain(reason);
  expect(code).not.toBe(0);
});
