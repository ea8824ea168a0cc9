import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";
import { codeOf } from "../../../test/fixtures/code-of.ts";
import { defaultLimits } from "../oip/limits.ts";
import { readMessage } from "./bounded-message.ts";
import { ModelInferRequestSchema } from "./generated/inference_pb.ts";
import { readInferRequest } from "./infer-message.ts";

type Request = MessageInitShape<typeof ModelInferRequestSchema>;
type Contents = NonNullable<NonNullable<Request["inputs"]>[number]["contents"]>;

const read = (request: Request) => {
  const bytes = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request));
  const terms = { deadlineSeconds: null, idempotencyKey: null };
  return readInferRequest(readMessage(ModelInferRequestSchema, bytes), defaultLimits, terms);
};

const typed = (datatype: string, contents: Contents, count = 2) =>
  read({ inputs: [{ name: "x", datatype, shape: [BigInt(count)], contents }] }).inputs["x"];

test.each([
  ["BOOL", "bool", { boolContents: [true, false] }, [1, 0]],
  ["INT8", "int8", { intContents: [-128, 127] }, [128, 127]],
  ["INT16", "int16", { intContents: [-2, 1] }, [254, 255, 1, 0]],
  ["INT32", "int32", { intContents: [-1, 1] }, [255, 255, 255, 255, 1, 0, 0, 0]],
  ["INT64", "int64", { int64Contents: [1n, -1n] }, [1, ...Array(7).fill(0), ...Array(8).fill(255)]],
  ["UINT8", "uint8", { uintContents: [0, 255] }, [0, 255]],
  ["UINT16", "uint16", { uintContents: [1, 65_535] }, [1, 0, 255, 255]],
  ["UINT32", "uint32", { uintContents: [1, 2 ** 32 - 1] }, [1, 0, 0, 0, 255, 255, 255, 255]],
  [
    "UINT64",
    "uint64",
    { uint64Contents: [1n, 2n ** 64n - 1n] },
    [1, ...Array(7).fill(0), ...Array(8).fill(255)],
  ],
  ["FP32", "float32", { fp32Contents: [1, -2] }, [0, 0, 128, 63, 0, 0, 0, 192]],
  ["FP64", "float64", { fp64Contents: [0, 1] }, [...Array(14).fill(0), 240, 63]],
  [
    "BYTES",
    "string",
    { bytesContents: [Uint8Array.of(65), new Uint8Array()] },
    [1, 0, 0, 0, 65, 0, 0, 0, 0],
  ],
] satisfies [string, string, Contents, number[]][])(
  "typed elements of %s become the bytes of %s",
  (datatype, dataType, contents, bytes) => {
    expect(typed(datatype, contents)).toEqual({
      dataType,
      shape: [2],
      data: Uint8Array.from(bytes),
    });
  },
);

test("raw bytes are copied, so that they are aligned and keep nothing else of the message", () => {
  const inputs = [{ name: "x", datatype: "FP64", shape: [1n] }];
  const { x } = read({ inputs, rawInputContents: [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)] }).inputs;
  expect([...(x?.data ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(x?.data.byteOffset).toBe(0);
  expect(x?.data.buffer.byteLength).toBe(8);
});

test("typed elements that do not fit are refused", () => {
  const refused = (datatype: string, contents: Contents, count?: number) =>
    codeOf(() => typed(datatype, contents, count));
  expect(refused("INT8", { intContents: [0, 128] })).toBe("REQUEST_INVALID");
  expect(refused("INT16", { intContents: [-32_769, 0] })).toBe("REQUEST_INVALID");
  expect(refused("UINT8", { uintContents: [0, 256] })).toBe("REQUEST_INVALID");
  expect(refused("FP32", { fp64Contents: [1, 2] })).toBe("REQUEST_INVALID");
  expect(refused("FP32", { fp32Contents: [1, 2], intContents: [1] })).toBe("REQUEST_INVALID");
  expect(refused("FP32", { fp32Contents: [1] })).toBe("REQUEST_INVALID");
  expect(refused("FP16", { fp32Contents: [1, 2] })).toBe("REQUEST_INVALID");
  expect(refused("FP32", {})).toBe("REQUEST_INVALID");
});

test("a tensor without elements needs none, raw or typed", () => {
  const input = { name: "x", datatype: "FP32", shape: [0n, 3n] };
  const empty = { dataType: "float32", shape: [0, 3], data: new Uint8Array() };
  expect(read({ inputs: [input] }).inputs["x"]).toEqual(empty);
  expect(read({ inputs: [input], rawInputContents: [new Uint8Array()] }).inputs["x"]).toEqual(
    empty,
  );
});

test("inputs given twice, in both forms, or not for each are refused", () => {
  const x = { name: "x", datatype: "INT8", shape: [1n] };
  const raw = Uint8Array.of(1);
  const refused = (request: Request) => codeOf(() => read(request));
  expect(refused({ inputs: [x, x], rawInputContents: [raw, raw] })).toBe("REQUEST_INVALID");
  expect(refused({ inputs: [x], rawInputContents: [raw, raw] })).toBe("REQUEST_INVALID");
  const both = { ...x, contents: { intContents: [1] } };
  expect(refused({ inputs: [both], rawInputContents: [raw] })).toBe("REQUEST_INVALID");
  const negative = { ...x, shape: [-1n] };
  expect(refused({ inputs: [negative], rawInputContents: [raw] })).toBe("REQUEST_INVALID");
  const many = Array.from({ length: 1025 }, (_, at) => ({ ...x, name: `${at}` }));
  expect(refused({ inputs: many })).toBe("REQUEST_TOO_LARGE");
});

test("what asks for shared memory or classes is refused, other parameters are passed over", () => {
  const number = (value: bigint) => ({ parameterChoice: { case: "int64Param", value } as const });
  const x = { name: "x", datatype: "INT8", shape: [1n], contents: { intContents: [1] } };
  const shared = { ...x, parameters: { shared_memory_region: number(1n) } };
  expect(codeOf(() => read({ inputs: [shared] }))).toBe("REQUEST_INVALID");
  const classes = { name: "y", parameters: { classification: number(3n) } };
  expect(codeOf(() => read({ inputs: [x], outputs: [classes] }))).toBe("REQUEST_INVALID");
  const other = { sequence_id: number(5n), priority: number(1n) };
  expect(codeOf(() => read({ inputs: [x], parameters: other }))).toBe("none");
});

test("a small message that would take much memory is refused before it is read", () => {
  const refused = (bytes: Uint8Array) => codeOf(() => readMessage(ModelInferRequestSchema, bytes));
  const repeated = (tag: number) =>
    Uint8Array.from({ length: 100_000 }, (_, at) => (at % 2 === 0 ? tag : 0));
  // Inputs, parameters and raw contents without anything in them.
  expect(refused(repeated((5 << 3) | 2))).toBe("REQUEST_TOO_LARGE");
  expect(refused(repeated((4 << 3) | 2))).toBe("REQUEST_TOO_LARGE");
  const numbers = new BinaryWriter()
    .uint32((3 << 3) | 2)
    .bytes(new Uint8Array(2 ** 22))
    .finish();
  const contents = new BinaryWriter()
    .uint32((5 << 3) | 2)
    .bytes(numbers)
    .finish();
  const inputs = new BinaryWriter()
    .uint32((5 << 3) | 2)
    .bytes(contents)
    .finish();
  expect(refused(inputs)).toBe("REQUEST_TOO_LARGE");
});

test("bytes that are no message are refused, also where a field has another type than it should", () => {
  const refused = (...bytes: number[]) =>
    codeOf(() => readMessage(ModelInferRequestSchema, Uint8Array.from(bytes)));
  expect(refused(0xff)).toBe("REQUEST_INVALID");
  expect(refused((5 << 3) | 2, 100)).toBe("REQUEST_INVALID");
  // An input that says it is a number.
  expect(refused((5 << 3) | 0, 1)).toBe("REQUEST_INVALID");
  // A name that is not in UTF-8.
  expect(refused((1 << 3) | 2, 1, 0xff)).toBe("REQUEST_INVALID");
  // Groups in groups.
  expect(refused(...Array(1000).fill((9 << 3) | 3))).toBe("REQUEST_INVALID");
});
