import { describeMeasurement } from "../../src/cli/measuring.ts";
import { loadModel } from "../../src/cli/model-argument.ts";
import { prepareModel } from "../../src/cli/prepare.ts";
import { graphSha256 } from "../../src/cost/graph-hash.ts";
import type { OptimisationLevel } from "../../src/cost/profile.ts";
import { writeOnnxFile } from "../../src/onnx/files.node.ts";
import type { PreparedGraph } from "../../src/runtime/prepare.node.ts";
import { zoo } from "../../src/zoo/zoo.ts";
import { plainTerminal } from "../fixtures/quiet-terminal.ts";
import { type Workbench, withEqualTimes } from "./partita.ts";

interface Choices {
  readonly level?: OptimisationLevel;
  /** Of each tensor but the inputs. */
  readonly codecs?: object;
}

/** What `partita profile` would write about a model, but with equal times: nothing is measured. */
export async function equalProfile(
  argument: string,
  { level = "extended", codecs }: Choices = {},
): Promise<{ readonly text: string; readonly prepared: PreparedGraph }> {
  const named = await loadModel(argument, plainTerminal());
  const { source } = describeMeasurement(named, { shape: {}, level, threads: undefined });
  const prepared = await prepareModel(named.model, level, source.shapes);
  const graph = { ...prepared.graph, name: named.name };
  const profile = {
    format: "partita.profile/1",
    graph,
    devices: {},
    source: { ...source, graphSha256: graphSha256(graph), measuredAt: new Date().toISOString() },
  };
  return { text: withEqualTimes(JSON.stringify(profile), codecs), prepared };
}

/**
 * Writes a small SqueezeNet, `NAME.onnx`, and its profile, `NAME.profile.json`.
 *
 * @returns the graph of the profile
 */
export async function writeSqueezenet(
  bench: Workbench,
  name: string,
  choices: Choices = {},
): Promise<PreparedGraph> {
  const path = bench.path(`${name}.onnx`);
  await writeOnnxFile(path, zoo.squeezenet.build({ resolution: 32, width: 0.25 }));
  const { text, prepared } = await equalProfile(path, choices);
  bench.write(`${name}.profile.json`, text);
  return prepared;
}
