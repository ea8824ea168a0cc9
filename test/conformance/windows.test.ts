import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import { indexGraph, type Node } from "../../src/graph/graph.ts";
import { elementCount, type TensorValue } from "../../src/graph/tensor-value.ts";
import { extentsOf } from "../../src/graph/tile.ts";
import { fitsWindow, type Region, type Window } from "../../src/graph/window.ts";
import { createBuilder, type ModelBuilder } from "../../src/onnx/build.ts";
import { tensor } from "../../src/onnx/build-tensor.ts";
import { toGraph } from "../../src/onnx/graph.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import { extractTile } from "../../src/onnx/tile.ts";
import { compareTensors } from "../../src/runtime/compare.ts";
import { cutOut, madeBy, runModel, type Values, withOutputs } from "../fixtures/tiling.ts";
import {
  type Case,
  listedCases,
  type Shape,
  slidingCase,
  type Typed,
  typed,
} from "../fixtures/window-cases.ts";
import { longRun } from "./planner.ts";

function seededValue(given: Shape | Typed, random: Random): TensorValue {
  const { shape, dataType = "float32", values } = typed(given);
  const most = { bool: 2, float32: 0 }[dataType] ?? 100;
  const draw = () => (dataType === "float32" ? 0.05 + random.next() : random.integer(most));
  const elements = Array.from({ length: elementCount(shape) }, (_, at) =>
    typeof values === "number" ? values : (values?.[at] ?? draw()),
  );
  const { rawData } = tensor(shape, elements, dataType);
  return { dataType, shape, data: Uint8Array.from(rawData) };
}

function addCase(builder: ModelBuilder, given: Case, id: number): void {
  const { operator: written, inputs, constants = [], attributes = {}, outputs = 1 } = given;
  const [operator = "", domain = ""] = written.split(":").reverse();
  const random = createRandom(id);
  const pictures = inputs.map((input, at) => {
    const { shape, dataType = "float32" } = typed(input);
    return builder.input(`x${id}_${at}`, dataType, shape);
  });
  const parameters = constants.map((constant, at) => {
    if (constant === null) return "";
    const { dataType, shape, data } = seededValue(constant, random);
    return builder.weight(`w${id}_${at}`, shape, data, dataType);
  });
  const names = Array.from({ length: outputs }, (_, at) => `y${id}_${at}`);
  builder.node(operator, [...pictures, ...parameters], {
    name: `n${id}`,
    domain,
    attributes,
    outputs: names,
  });
}

const cases = [
  ...listedCases,
  ...Array.from({ length: longRun ? 2000 : 150 }, (_, seed) => slidingCase(createRandom(seed + 1))),
];

function modelOf(): OnnxModel {
  const builder = createBuilder({ name: "windows", opset: 20, domains: { "com.microsoft": 1 } });
  cases.forEach((given, id) => {
    addCase(builder, given, id);
  });
  const model = builder.build();
  return withOutputs(model, madeBy(model));
}

function describe(id: number): string {
  const { operator, inputs, constants = [], attributes = {} } = cases[id] as Case;
  const shapes = [...inputs, ...constants].map((given) => (given === null ? "none" : typed(given)));
  return `${operator} ${JSON.stringify(attributes)} ${JSON.stringify(shapes)}`;
}

/** Somewhere in the picture, a single position in each third. */
function someRegion(extents: readonly number[], random: Random): Region {
  return extents.map((extent) => {
    const from = random.integer(extent);
    const to = random.next() < 0.3 ? from + 1 : from + 1 + random.integer(extent - from);
    return { from, to };
  });
}

test("each operator makes a region from what its window names as the whole does, in ONNX Runtime", async () => {
  const model = modelOf();
  const fed = new Map(
    cases.flatMap(({ inputs }, id) => {
      const random = createRandom(id + 1e6);
      return inputs.map((input, at) => [`x${id}_${at}`, seededValue(input, random)] as const);
    }),
  );
  const values: Values = new Map([...fed, ...(await runModel(model, fed))]);
  const graph = toGraph(model, values);
  const index = indexGraph(graph);
  const without = graph.nodes.flatMap(({ window }, id) =>
    window === undefined ? [describe(id)] : [],
  );
  expect(without).toEqual(cases.flatMap(({ noWindow }, id) => (noWindow ? [describe(id)] : [])));
  const able = graph.nodes.filter(({ window }) => window !== undefined);
  expect(able.filter((node) => !fitsAll(node, values))).toEqual([]);
  const random = createRandom(1);
  for (let round = 0; round < (longRun ? 20 : 2); round++) {
    const wanted = able.flatMap(({ outputs }) => {
      const region = someRegion(extentsOf(index, index.tensorByName.get(outputs[0] ?? "")), random);
      return outputs.map((name) => [name, region] as const);
    });
    const names = able.map(({ name }) => name);
    const { part, inputs, outputs } = extractTile(model, graph, names, new Map(wanted));
    const cut = new Map(
      [...inputs].map(([name, region]) => [name, cutOut(values.get(name) as TensorValue, region)]),
    );
    const made = await runModel(part, cut);
    for (const [name, region] of outputs) {
      const where = `${describe(Number(name.slice(1).split("_")[0]))} ${JSON.stringify(region)}`;
      const [whole, own] = [values.get(name), made.get(name)] as [TensorValue, TensorValue];
      const found = compareTensors(cutOut(whole, region), own);
      expect(found.maxRelative, where).toBeLessThanOrEqual(2e-6);
    }
  }
});

/** What is repeated along an axis fits as it is. */
function fitsAll({ window, inputs, outputs }: Node, values: Values): boolean {
  const sizes = (name: string) => (values.get(name) as TensorValue).shape.slice(2);
  const made = sizes(outputs[0] ?? "");
  return inputs.every((name) =>
    sizes(name).every(
      (extent, axis) =>
        extent === 1 || fitsWindow(window as Window, extent, made[axis] as number, axis),
    ),
  );
}
