import { readdirSync, readFileSync } from "node:fs";
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
  [["bench", "scale", "--only", "two-devices"], "belong to bench planners"],
  [["bench", "planners", "--only", "two-devices,magic"], "two-devices"],
  [["bench", "planners", "two-devices"], 'second word, not bench planners: "two-devices"'],
  [["bench", "planners", "--planner", "magic"], '"magic"'],
  [["bench", "planners", "--only", "two-devices", "--profiles", "nowhere"], "FILE_NOT_FOUND"],
  [["bench", "planners", "-o", "/dev/null/tables"], "FILE_WRITE_FAILED"],
  [["bench", "cell", "{"], "wants one cell"],
  [["bench", "cell", '{ "type": "planner" }'], "wants one cell"],
])("refuses %j", async (words, reason) => {
  const { code, errors } = await bench.call(...words);
  expect(errors).toContain(reason);
  expect(code).not.toBe(0);
});

test("a study writes its page, figures and charts, and the index; a guest stands in its tables", async () => {
  const study = ["bench", "planners", "--only", "two-devices", "--quick", "--planner", "random"];
  const { code, output, errors } = await bench.run(...study, "-o", "tables", "--json");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const files = readdirSync(bench.path("tables")).sort();
  expect(files).toEqual([
    "planners-two-devices-throughput.svg",
    "planners-two-devices.json",
    "planners-two-devices.md",
    "planners-two-devices.svg",
    "planners.md",
  ]);
  const read = (name: string): string => readFileSync(bench.path(`tables/${name}`), "utf8");
  const page = read("planners-two-devices.md");
  expect(page).toContain(`    partita ${study.join(" ")} -o tables\n`);
  expect(page).toMatch(/^\| latency \| random \|/m);
  expect(page).toMatch(/Planned on: .+\. Profiles measured on: .+onnxruntime/);
  for (const file of files.slice(0, 2)) expect(page).toContain(`(${file})`);
  expect(read("planners.md")).toContain("(planners-two-devices.md)");
  const kept = read("planners-two-devices.json");
  const [report] = JSON.parse(output).studies;
  expect(JSON.parse(kept)).toEqual(report);
  const lines = kept.split("\n");
  expect(lines.filter((line) => line.startsWith(`  {"network":`))).toHaveLength(
    report.cells.length,
  );
  expect(lines.length).toBeLessThan(report.cells.length + 100);
});
