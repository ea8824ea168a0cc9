/**
 * MODEL as all commands take it: a path to an ONNX file, `-`, or `zoo:NAME?resolution=64&width=0.25`.
 *
 * @module
 */
import { basename } from "node:path";
import { readOnnxFile } from "../onnx/files.node.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { nameNodes } from "../onnx/names.ts";
import { readOnnx } from "../onnx/read.ts";
import type { ZooOptions } from "../zoo/sketch.ts";
import { buildZoo } from "../zoo/zoo.ts";
import { usage } from "./command.ts";
import { readBytes } from "./files.ts";
import type { Terminal } from "./terminal.ts";

export const modelArgument = {
  syntax: "<model>",
  summary: "an .onnx file, or zoo:NAME[?resolution=64&width=0.25&batch=open&blocks=2&seed=1]",
} as const;

/** A model with a name for messages and for the graph. */
export interface NamedModel {
  readonly name: string;
  /** Every node has a unique name. */
  readonly model: OnnxModel;
}

/** How much of a network of the zoo is made; files are always read whole. */
export interface LoadOptions {
  /** Leaves out the data of the zoo's weights, where only shapes and sizes are looked at. */
  readonly skeleton?: boolean;
}

/**
 * @throws FILE_NOT_FOUND, ONNX_MALFORMED, ONNX_UNSUPPORTED, ZOO_UNKNOWN, USAGE_INVALID
 */
export async function loadModel(
  argument: string,
  terminal: Terminal,
  options: LoadOptions = {},
): Promise<NamedModel> {
  if (argument.startsWith("zoo:")) return loadZoo(argument, options);
  if (argument === "-") {
    const bytes = await readBytes(argument, terminal);
    return { name: "model", model: nameNodes(readOnnx(bytes)) };
  }
  const name = basename(argument).replace(/\.onnx$/, "");
  return { name, model: nameNodes(await readOnnxFile(argument)) };
}

function loadZoo(argument: string, { skeleton = false }: LoadOptions): NamedModel {
  const [name = "", query = ""] = argument.slice("zoo:".length).split("?", 2);
  const options: Record<string, number | "open"> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const known = zooKeys.some((other) => other === key);
    if (key === "batch" && value === "open") {
      options[key] = value;
      continue;
    }
    if (!known || value === "" || !Number.isFinite(Number(value))) {
      throw usage(
        `"${argument}": "${key}=${value}" is no option of the zoo; write numbers for ${zooKeys.join(", ")}, or batch=open, for instance zoo:squeezenet?resolution=64&width=0.25`,
      );
    }
    options[key] = Number(value);
  }
  return { name, model: nameNodes(buildZoo(name, { ...(options as ZooOptions), skeleton })) };
}

const zooKeys = ["batch", "resolution", "width", "seed", "blocks", "classes"] as const;
