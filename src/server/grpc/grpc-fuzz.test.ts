import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  failure,
  floats,
  inferOutcome,
  inferPath,
  passing,
  passingRequest,
  startGrpc,
} from "../../../test/fixtures/grpc-setting.ts";
import { createRandom, type Random } from "../../base/random.ts";
import { defaultLimits } from "../oip/limits.ts";
import { GRPCInferenceService, ModelInferRequestSchema } from "./generated/inference_pb.ts";

const isLong = process.env["PARTITA_TEST_LONG"] === "1";
const inputs = isLong ? 100_000 : 5000;
const atOnce = 50;
const heapLimitBytes = 16 << 20;

const answers =
  /^(OK$|INVALID_ARGUMENT (REQUEST_INVALID|TENSOR_[A-Z_]+): |NOT_FOUND MODEL_UNKNOWN: |RESOURCE_EXHAUSTED |UNIMPLEMENTED )/;

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random.next() * values.length)] as T;
}

const bytesOf = (request: MessageInitShape<typeof ModelInferRequestSchema>): Uint8Array =>
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request));

/** A message of the right form whose fields contradict each other or the model. */
function wellFormed(random: Random): Uint8Array {
  const name = () =>
    pick(random, ["x", "x", "y", "", "__proto__", "constructor", "\u0000", "é".repeat(300)]);
  const shape = () =>
    Array.from({ length: Math.floor(random.next() * 4) }, () =>
      pick(random, [0n, 1n, 2n, -1n, 2n ** 31n, 2n ** 62n, -(2n ** 63n)]),
    );
  const input = () => ({
    name: name(),
    datatype: pick(random, [
      "FP32",
      "FP32",
      "FP16",
      "INT8",
      "BYTES",
      "BOOL",
      "fp32",
      "",
      "TYPE_FP32",
    ]),
    shape: random.next() < 0.5 ? [1n, 2n] : shape(),
    ...(random.next() < 0.3
      ? { contents: pick(random, [{}, { fp32Contents: [1, Number.NaN] }, { intContents: [300] }]) }
      : {}),
    ...(random.next() < 0.1
      ? {
          parameters: {
            [pick(random, ["shared_memory_region", "__proto__", "binary_data_size"])]: {
              parameterChoice: { case: "int64Param", value: 5n } as const,
            },
          },
        }
      : {}),
  });
  const some = Array.from({ length: Math.floor(random.next() * 3) }, input);
  const raw = Array.from({ length: Math.floor(random.next() * 3) }, () =>
    pick(random, [floats(1, 2), floats(1), new Uint8Array(), new Uint8Array(1000)]),
  );
  return bytesOf({
    modelName: random.next() < 0.8 ? "passing" : name(),
    modelVersion: pick(random, ["", "", "1", "2", "latest"]),
    id: pick(random, ["", "7", "\n", "x".repeat(5000)]),
    inputs: some,
    outputs: random.next() < 0.3 ? [{ name: "x_out" }, { name: pick(random, ["x_out", "z"]) }] : [],
    rawInputContents: raw,
    parameters:
      random.next() < 0.1
        ? { timeout: { parameterChoice: { case: "stringParam", value: "soon" } as const } }
        : {},
  });
}

/** A good message that was damaged: bytes changed, cut off, doubled or put in. */
function damaged(random: Random): Uint8Array {
  const bytes = [...bytesOf(passingRequest())];
  for (let left = 1 + Math.floor(random.next() * 4); left > 0; left--) {
    const at = Math.floor(random.next() * bytes.length);
    const byte = Math.floor(random.next() * 256);
    const how = random.next();
    if (how < 0.5) bytes[at] = byte;
    else if (how < 0.7) bytes.splice(at);
    else if (how < 0.85) bytes.splice(at, 0, byte, byte);
    else bytes.push(...bytes.slice(at));
  }
  return Uint8Array.from(bytes);
}

function collected(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

const timeout = isLong ? 1_800_000 : 120_000;

test(`${inputs} hostile messages get a coded answer each, and leave nothing behind`, {
  timeout,
}, async () => {
  const seed = 7;
  const random = createRandom(seed);
  const { client } = await startGrpc([passing], {
    limits: { ...defaultLimits, bodyBytes: 2 ** 20 },
  });
  const paths = GRPCInferenceService.methods
    .filter(({ methodKind }) => methodKind === "unary")
    .map(({ name }) => `/inference.GRPCInferenceService/${name}`)
    // They would change what the others meet.
    .filter((path) => !path.endsWith("Unload"));
  let before = 0;
  for (let done = 0; done < inputs; done += atOnce) {
    if (done === 1000) before = collected();
    const batch = Array.from({ length: atOnce }, async () => {
      const bytes = random.next() < 0.5 ? wellFormed(random) : damaged(random);
      const path = random.next() < 0.8 ? inferPath : pick(random, paths);
      const outcome = await client.outcome(path, bytes, { seconds: 60 });
      expect(outcome, `seed ${seed}: ${path} ${Buffer.from(bytes).toString("hex")}`).toMatch(
        answers,
      );
    });
    await Promise.all(batch);
  }
  expect(await inferOutcome(client, {})).toBe("OK");
  expect(collected() - before).toBeLessThan(heapLimitBytes);
});

test("bytes that are no HTTP/2, or break off within it, end their connection and nothing else", async () => {
  const random = createRandom(11);
  const { client, server } = await startGrpc();
  const port = Number(server.address.split(":")[1]);
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const strangers = Array.from({ length: 200 }, () => {
    const noise = Buffer.from(
      Array.from({ length: 1 + Math.floor(random.next() * 300) }, () =>
        Math.floor(random.next() * 256),
      ),
    );
    const bytes = pick(random, [
      noise,
      Buffer.concat([preface, noise]),
      Buffer.concat([preface, settings, noise]),
    ]);
    return new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(bytes, () => socket.destroy());
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve());
      socket.resume();
    });
  });
  await Promise.all(strangers);
  expect(await failure(client.call(GRPCInferenceService.method.modelInfer, passingRequest()))).toBe(
    "OK",
  );
});
