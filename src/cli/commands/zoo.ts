import { elementCount } from "../../graph/tensor-value.ts";
import { writeOnnxFile } from "../../onnx/files.node.ts";
import type { ZooOptions } from "../../zoo/sketch.ts";
import { buildZoo, zoo as networks, zooNames } from "../../zoo/zoo.ts";
import {
  type Command,
  defineCommand,
  flag,
  needed,
  type Option,
  positive,
  text,
  usage,
  whole,
} from "../command.ts";
import { formatTable } from "../print/table.ts";
import type { Terminal } from "../terminal.ts";

/** `partita zoo NAME -o FILE`, `partita zoo --list`. */
export const zoo: Command = defineCommand({
  summary: "write a standard network of the field as an ONNX model, or list them",
  arguments: [{ syntax: "[name]", summary: "see --list" }],
  options: {
    output: text("-o, --output <file>", "where to write the model"),
    list: flag("--list", "list the networks with their parameters and multiply-adds"),
    batch: batchOption(),
    resolution: whole("--resolution <n>", "rows and columns of the picture, or tokens", 1),
    width: positive("--width <factor>", "factor on all channel counts (default 1)"),
    blocks: whole("--blocks <n>", "transformer blocks (default 12)", 1),
    seed: whole("--seed <n>", "whole number that all weights follow from (default 1)"),
  },
  examples: [
    "partita zoo --list",
    "partita zoo mobilenetv2 -o mobilenetv2.onnx",
    "partita zoo resnet18 --batch open -o resnet18.onnx",
    "partita zoo bert --blocks 2 --resolution 32 -o bert.onnx",
  ],
  run: async ({ arguments: [name], options, terminal }) => {
    const { list, output, ...given } = options;
    if (list || name === undefined) return listNetworks(terminal, list);
    const path = needed(output, "-o FILE", `where to write ${name}`);
    const model = buildZoo(name, withoutUndefined(given));
    await writeOnnxFile(path, model);
    const parameters = (model.proto.graph?.initializer ?? []).reduce(
      (count, { dims }) => count + elementCount(dims.map(Number)),
      0,
    );
    if (terminal.json) terminal.document({ network: name, file: path, parameters });
    else terminal.line(`wrote ${path}: ${name}, ${parameters.toLocaleString("en")} parameters`);
    return 0;
  },
});

function listNetworks(terminal: Terminal, asked: boolean): number {
  if (!asked) throw usage("name a network, or list them with `partita zoo --list`");
  const listed = zooNames.map((name) => ({ name, ...networks[name] }));
  if (terminal.json) {
    terminal.document(
      listed.map(({ name, variant, trainableParameters, multiplyAdds, defaultResolution }) => ({
        name,
        variant,
        trainableParameters,
        multiplyAdds,
        defaultResolution,
      })),
    );
    return 0;
  }
  const rows = listed.map(({ name, variant, trainableParameters, multiplyAdds, ...facts }) => [
    name,
    (trainableParameters / 1e6).toFixed(2),
    (multiplyAdds / 1e9).toFixed(2),
    facts.defaultResolution,
    variant.split(/[;:(]| without/, 1)[0]?.trim() ?? "",
  ]);
  const table = formatTable(
    [
      { head: "name" },
      { head: "parameters, M", align: "right" },
      { head: "multiply-adds, G", align: "right" },
      { head: "resolution", align: "right" },
      { head: "variant" },
    ],
    rows,
    terminal,
  );
  terminal.line(table);
  return 0;
}

/** A number, or `open`: so many as whoever runs the model likes. */
function batchOption(): Option<number | "open" | undefined> {
  const summary =
    "pictures or texts at once; open: any number, so that requests can be joined (default 1)";
  const number = whole("--batch <n|open>", summary, 1);
  return { ...number, read: (given) => (given === "open" ? given : number.read(given)) };
}

function withoutUndefined(
  options: Readonly<Record<string, number | "open" | undefined>>,
): ZooOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
