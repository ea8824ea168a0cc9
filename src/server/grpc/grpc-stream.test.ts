import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { outcomeOf } from "../../../test/fixtures/grpc-client.ts";
import {
  floats,
  type InferRequest,
  passing,
  passingGraph,
  passingRequest,
  startGrpc,
  streamPath,
} from "../../../test/fixtures/grpc-setting.ts";
import { passOn, servedModel } from "../../../test/fixtures/served-models.ts";
import { defaultLimits } from "../oip/limits.ts";
import {
  ModelInferRequestSchema,
  ModelStreamInferResponseSchema,
} from "./generated/inference_pb.ts";

type Stream = ClientDuplexStream<Uint8Array, Uint8Array>;

const requestBytes = (more: InferRequest = {}): Uint8Array =>
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, passingRequest(more)));

test("answers a stream in the order of its requests, with errors as answers", async () => {
  let first: () => void = () => undefined;
  const isFirst = new Promise<void>((resolve) => {
    first = resolve;
  });
  const model = servedModel("passing", passingGraph, async (inputs) => {
    // The first is answered last.
    const row = inputs["x"]?.data[3];
    if (row === floats(1)[3]) await isFirst;
    else first();
    return passOn(inputs);
  });
  const { client } = await startGrpc([model]);
  const stream = client.duplex(streamPath);
  const send = (more: InferRequest) => stream.write(requestBytes(more));
  send({ id: "a" });
  send({ id: "b", modelName: "nobody" });
  send({ id: "c", rawInputContents: [floats(9, 9)] });
  stream.end();
  const answers = [];
  for await (const bytes of stream) answers.push(fromBinary(ModelStreamInferResponseSchema, bytes));
  expect(answers.map(({ inferResponse }) => inferResponse?.id)).toEqual(["a", "b", "c"]);
  expect(answers.map(({ errorMessage }) => errorMessage.split(":")[0])).toEqual([
    "",
    "MODEL_UNKNOWN",
    "",
  ]);
  expect(answers[2]?.inferResponse?.rawOutputContents).toEqual([floats(9, 9)]);
  expect(answers[0]?.inferResponse?.parameters["triton_final_response"]).toMatchObject({
    parameterChoice: { case: "boolParam", value: true },
  });
});

test("a stream of many more requests than are read at once is answered whole", async () => {
  const { client } = await startGrpc();
  const stream = client.duplex(streamPath);
  const count = 100;
  for (let row = 0; row < count; row++) {
    const one = { id: `${row}`, rawInputContents: [floats(row, row)] };
    stream.write(requestBytes(one));
  }
  stream.end();
  const rows = [];
  for await (const bytes of stream) {
    rows.push(
      fromBinary(ModelStreamInferResponseSchema, bytes).inferResponse?.rawOutputContents[0],
    );
  }
  expect(rows).toEqual(Array.from({ length: count }, (_, row) => floats(row, row)));
});

test("a stream of bytes that are no messages ends with a code, and more may be open than there is room for the largest messages", async () => {
  const limits = { ...defaultLimits, bodyBytes: 1000, heldBytes: 4000 };
  const { client } = await startGrpc([passing], { limits });
  const ended = (stream: Stream) =>
    new Promise<string>((resolve) => {
      stream.on("error", (error: ServiceError) => resolve(outcomeOf(error)));
      stream.resume();
    });
  const wrong = client.duplex(streamPath);
  wrong.write(Uint8Array.of(0xff, 0xff));
  expect(await ended(wrong)).toMatch(/^INVALID_ARGUMENT REQUEST_INVALID/);
  const echoed = async (stream: Stream) => {
    stream.write(requestBytes());
    await new Promise((resolve) => stream.once("data", resolve));
    return stream;
  };
  const open: Stream[] = [];
  for (let count = 0; count < 40; count++) open.push(await echoed(client.duplex(streamPath)));
  for (const stream of open) stream.end();
});

test("a stream with an answer that cannot be written ends with a code", async () => {
  const endless = { dataType: "float32", shape: [2 ** 63], data: new Uint8Array() };
  const model = servedModel("passing", passingGraph, async () => ({ x_out: endless }));
  const { client } = await startGrpc([model]);
  const stream = client.duplex(streamPath);
  stream.write(requestBytes());
  const ended = new Promise<string>((resolve) => {
    stream.on("error", (error: ServiceError) => resolve(outcomeOf(error)));
  });
  stream.resume();
  expect(await ended).toMatch(/^INTERNAL RUNTIME_FAILED/);
});
