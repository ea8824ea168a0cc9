/**
 * The programs that the test bed runs beside the product's own: one measures how fast a device is, two
 * ask a cluster, at a steady rate or so many at a time, and compare every answer with the whole model's.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { systemClock } from "../../dist/base/clock.node.js";
import { createRandom } from "../../dist/base/random.js";
import { seconds } from "../../dist/base/units.js";
import { prepareModel } from "../../dist/cli/prepare.js";
import { secureClient } from "../../dist/cli/security.js";
import { type Client, connectClient } from "../../dist/cluster/client.js";
import type { RequestTimings } from "../../dist/cluster/data-message.js";
import { compareTensors } from "../../dist/runtime/compare.js";
import { createOnnxRuntime } from "../../dist/runtime/onnxruntime.node.js";
import type { Session, TensorValues } from "../../dist/runtime/runtime.js";
import { buildZoo } from "../../dist/zoo/zoo.js";

export const level = "extended";
/**
 * Its arguments: `calibrate NETWORK RUNS SECONDS`, at least so many of both, `steady NETWORK ADDRESS TOKEN REQUESTS WARM_UPS
 * SETTLE_SECONDS PER_SECOND`, or `closed` with the same and IN_FLIGHT instead of the rate.
 */
export const script: string = fileURLToPath(import.meta.url);

/** A line that is printed for each request, with the second at which it was asked. */
export interface Answer {
  readonly at: number;
  readonly seconds?: number;
  /** Whether it has the bits of the whole model's. */
  readonly isRight?: boolean;
  /** The largest, against the largest magnitude of the whole model's. */
  readonly difference?: number;
  readonly error?: string;
  readonly timings?: RequestTimings;
}

const different = 4;

if (process.argv[1] === script) {
  const [, , what, network = "", ...others] = process.argv;
  const model = await wholeModel(network);
  if (what === "calibrate") await calibrate(model, Number(others[0]), Number(others[1]));
  else await ask(model, what === "closed", others);
}

/** The whole network in this process. */
interface WholeModel {
  readonly session: Session;
  inputOf(request: number): TensorValues;
}

async function wholeModel(network: string): Promise<WholeModel> {
  const { model } = await prepareModel(buildZoo(network), level, {});
  const session = await createOnnxRuntime().load(model, { threads: 1 });
  const inputOf = (request: number): TensorValues => {
    const random = createRandom(request % different);
    return Object.fromEntries(
      session.inputs.map(({ name, shape }) => {
        const sizes = shape.map(Number);
        const length = sizes.reduce((product, size) => product * size, 1);
        const values = Float32Array.from({ length }, () => random.next());
        const data = new Uint8Array(values.buffer);
        return [name, { dataType: "float32", shape: sizes, data }];
      }),
    );
  };
  return { session, inputOf };
}

/**
 * Prints the median and the mean time of the whole model: after `loaded`, whoever reads may take away
 * its core.
 */
async function calibrate(
  { session, inputOf }: WholeModel,
  runs: number,
  leastSeconds: number,
): Promise<void> {
  await session.run(inputOf(0));
  console.log("loaded");
  await systemClock.sleep(seconds(2));
  const times: number[] = [];
  const end = systemClock.now() + leastSeconds;
  while (times.length < runs || systemClock.now() < end) {
    const start = systemClock.now();
    await session.run(inputOf(times.length));
    times.push(systemClock.now() - start);
    await systemClock.sleep(seconds(0.1));
  }
  const mean = times.reduce((sum, one) => sum + one, 0) / times.length;
  console.log(`took ${times.sort((a, b) => a - b)[Math.floor(times.length / 2)]} ${mean}`);
}

async function ask(
  { session, inputOf }: WholeModel,
  isClosed: boolean,
  [address = "", token = "", ...numbers]: readonly string[],
): Promise<void> {
  const [requests = 0, warmUps = 0, settleSeconds = 0, pace = 1] = numbers.map(Number);
  const expected: TensorValues[] = [];
  for (let one = 0; one < different; one++)
    expected.push((await session.run(inputOf(one))).outputs);
  await session.release();
  const { transport, secret } = secureClient(token);
  const client = await connectClient({ transport, clock: systemClock, address, token: secret });
  for (let one = 0; one < warmUps; one++) await client.infer(inputOf(one));
  console.log("ready");
  await systemClock.sleep(seconds(settleSeconds));
  console.log("begun");
  const start = systemClock.now();
  const askOne = async (request: number, at: number): Promise<void> => {
    const told = await answerOf(client, inputOf(request), expected[request % different] ?? {});
    console.log(JSON.stringify({ at, ...told }));
  };
  if (isClosed) {
    let next = 0;
    const turns = async (): Promise<void> => {
      while (next < requests) await askOne(next++, systemClock.now() - start);
    };
    await Promise.all(Array.from({ length: pace }, turns));
  } else {
    const asked: Promise<void>[] = [];
    for (let request = 0; request < requests; request++) {
      const left = start + request / pace - systemClock.now();
      if (left > 0) await systemClock.sleep(seconds(left));
      asked.push(askOne(request, request / pace));
    }
    await Promise.all(asked);
  }
  console.log("done");
  await client.close();
}

async function answerOf(
  client: Client,
  inputs: TensorValues,
  expected: TensorValues,
): Promise<Omit<Answer, "at">> {
  const begun = systemClock.now();
  try {
    const { outputs, timings } = await client.infer(inputs);
    const took = systemClock.now() - begun;
    const found = Object.entries(expected).map(([name, value]) =>
      compareTensors(value, outputs[name] ?? value),
    );
    const isWhole = Object.keys(expected).every((name) => name in outputs);
    return {
      seconds: took,
      isRight: isWhole && found.every(({ bitEqual }) => bitEqual),
      difference: Math.max(...found.map(({ maxRelative }) => maxRelative)),
      timings,
    };
  } catch (error) {
    return { error: String(error) };
  }
}
