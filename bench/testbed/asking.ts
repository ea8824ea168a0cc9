/**
 * The programs that the test bed runs beside the product's own: one measures how fast a device is, one
 * asks a cluster at a steady rate and compares every answer with the whole model's.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../dist/base/clock.node.js";
import { createRandom } from "../../dist/base/random.js";
import { seconds } from "../../dist/base/units.js";
import { prepareModel } from "../../dist/cli/prepare.js";
import { secureClient } from "../../dist/cli/security.js";
import { connectClient } from "../../dist/cluster/client.js";
import { createOnnxRuntime } from "../../dist/runtime/onnxruntime.node.js";
import type { Session, TensorValues } from "../../dist/runtime/runtime.js";
import { buildZoo } from "../../dist/zoo/zoo.js";

export const network = "resnet50";
export const level = "extended";
/** Its arguments: `calibrate`, or `ask ADDRESS TOKEN REQUESTS PER_SECOND SETTLE_SECONDS`. */
export const script: string = fileURLToPath(import.meta.url);

/** A line that `ask` prints for each request, with the second at which it was asked. */
export interface Answer {
  readonly at: number;
  readonly seconds?: number;
  readonly isRight?: boolean;
  readonly error?: string;
}

const different = 4;
const calibrations = 15;

if (process.argv[1] === script) {
  const [, , what, address = "", token = "", ...numbers] = process.argv;
  if (what === "calibrate") await calibrate();
  else await ask(address, token, numbers.map(Number) as [number, number, number]);
}

async function wholeSession(): Promise<Session> {
  const { model } = await prepareModel(buildZoo(network), level, {});
  return await createOnnxRuntime().load(model, { threads: 1 });
}

/** Prints the median time of the whole model: after `loaded`, whoever reads may take away its core. */
async function calibrate(): Promise<void> {
  const session = await wholeSession();
  console.log("loaded");
  await systemClock.sleep(seconds(2));
  const times: number[] = [];
  for (let run = 0; run < calibrations; run++) {
    const start = systemClock.now();
    await session.run(inputOf(run));
    times.push(systemClock.now() - start);
    await systemClock.sleep(seconds(0.1));
  }
  console.log(`took ${times.sort((a, b) => a - b)[Math.floor(calibrations / 2)]}`);
}

function inputOf(request: number): TensorValues {
  const random = createRandom(request % different);
  const values = Float32Array.from({ length: 3 * 224 * 224 }, () => random.next());
  const data = new Uint8Array(values.buffer);
  return { input: { dataType: "float32", shape: [1, 3, 224, 224], data } };
}

function digestOf(outputs: TensorValues): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(outputs).sort()) hash.update(outputs[name]?.data ?? "");
  return hash.digest("hex");
}

async function ask(
  address: string,
  token: string,
  [requests, perSecond, settleSeconds]: readonly [number, number, number],
): Promise<void> {
  const session = await wholeSession();
  const expected: string[] = [];
  for (let one = 0; one < different; one++) {
    expected.push(digestOf((await session.run(inputOf(one))).outputs));
  }
  const { transport, secret } = secureClient(token);
  const client = await connectClient({ transport, clock: systemClock, address, token: secret });
  await Promise.all([0, 1, 2].map((one) => client.infer(inputOf(one))));
  console.log("ready");
  await systemClock.sleep(seconds(settleSeconds));
  console.log("begun");
  const start = systemClock.now();
  const asked: Promise<void>[] = [];
  for (let request = 0; request < requests; request++) {
    const at = request / perSecond;
    const left = start + at - systemClock.now();
    if (left > 0) await systemClock.sleep(seconds(left));
    const begun = systemClock.now();
    const tell = (answer: Omit<Answer, "at">): void =>
      console.log(JSON.stringify({ at, ...answer }));
    const one = client.infer(inputOf(request)).then(
      ({ outputs }) =>
        tell({
          seconds: systemClock.now() - begun,
          isRight: digestOf(outputs) === expected[request % different],
        }),
      (error: unknown) => tell({ error: String(error) }),
    );
    asked.push(one);
  }
  await Promise.all(asked);
  console.log("done");
  await client.close();
}
