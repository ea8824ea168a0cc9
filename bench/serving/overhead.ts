/**
 * What the protocols add to asking the cluster itself, from the same process: a network that does next
 * to nothing with 600 kB of input, one request at a time, each way in turn.
 *
 * @module
 */
import { readTopology } from "../../dist/cost/topology-file.js";
import { createBuilder } from "../../dist/onnx/build.js";
import { prepareGraph } from "../../dist/runtime/prepare.node.js";
import { type BareHttp, startBareHttp } from "./bare-http.js";
import { median, quantile } from "./figures.js";
import { planWith } from "./plans.js";
import { type Question, requireRight, type Setting, startSetting } from "./setting.js";

export interface WayResult {
  readonly way: "in process" | "HTTP" | "gRPC" | "node:http alone";
  readonly medianSeconds: number;
  /** Beyond the request in process of the same round; of each repeat. */
  readonly addedSeconds: readonly number[];
  readonly medianAddedSeconds: number;
  readonly p90AddedSeconds: number;
}

export interface OverheadResult {
  readonly inputBytes: number;
  readonly repeats: number;
  readonly roundsPerRepeat: number;
  readonly ways: readonly WayResult[];
}

const repeats = 5;
const rounds = 100;
const warmUpRounds = 50;

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: box }]
source: box
sink: box
`);

type Ask = (question: Question) => Promise<Uint8Array | undefined>;

export async function measureOverhead(): Promise<OverheadResult> {
  const builder = createBuilder({ name: "mean" });
  const input = builder.input("x", "float32", [1, 3, 224, 224]);
  builder.output(
    builder.node("GlobalAveragePool", [input], { name: "mean" }),
    "float32",
    [1, 3, 1, 1],
  );
  const prepared = await prepareGraph(builder.build(), { level: "basic" });
  const plan = planWith(prepared, topology);
  await using setting = await startSetting({ prepared, topology, plan, emulate: false });
  await using bareHttp = await startBareHttp();
  const ways = waysOf(setting, bareHttp);
  const names = [...ways.keys()];
  const taken = names.map(() => [] as number[][]);
  for (let repeat = -1; repeat < repeats; repeat++) {
    const found = names.map(() => [] as number[]);
    for (let round = 0; round < (repeat < 0 ? warmUpRounds : rounds); round++) {
      const question = setting.questions[round % setting.questions.length] as Question;
      for (let turn = 0; turn < names.length; turn++) {
        // None of them always comes behind the same other one.
        const way = (turn + round) % names.length;
        const ask = ways.get(names[way] as WayResult["way"]) as Ask;
        found[way]?.push(await timed(ask, question));
      }
    }
    if (repeat >= 0) found.forEach((seconds, way) => void taken[way]?.push(seconds));
  }
  return {
    inputBytes: setting.questions[0]?.input.byteLength ?? 0,
    repeats,
    roundsPerRepeat: rounds,
    ways: names.map((way, position) =>
      resultOf(way, taken[position] as number[][], taken[0] as number[][]),
    ),
  };
}

function waysOf(
  { client, http, grpc }: Setting,
  bareHttp: BareHttp,
): ReadonlyMap<WayResult["way"], Ask> {
  return new Map<WayResult["way"], Ask>([
    [
      "in process",
      async ({ inputs }) => Object.values((await client.infer(inputs)).outputs)[0]?.data,
    ],
    ["HTTP", ({ input }) => http.ask(input)],
    ["gRPC", ({ input }) => grpc.ask(input)],
    ["node:http alone", (question) => bareHttp.ask(question)],
  ]);
}

async function timed(ask: Ask, question: Question): Promise<number> {
  const start = performance.now();
  const answer = await ask(question);
  const took = (performance.now() - start) / 1000;
  requireRight(question, answer);
  return took;
}

/** @param taken by repeat and round, as `inProcess` */
function resultOf(
  way: WayResult["way"],
  taken: readonly (readonly number[])[],
  inProcess: readonly (readonly number[])[],
): WayResult {
  const added = taken.map((seconds, repeat) =>
    seconds.map((value, round) => value - (inProcess[repeat]?.[round] as number)),
  );
  return {
    way,
    medianSeconds: median(taken.flat()),
    addedSeconds: added.map(median),
    medianAddedSeconds: median(added.flat()),
    p90AddedSeconds: quantile(added.flat(), 0.9),
  };
}
