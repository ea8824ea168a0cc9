import { setImmediate as settle } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import {
  beginUpload,
  inferBody,
  pledge,
  sendRaw,
  startOip,
} from "../../../test/fixtures/oip-server.ts";
import { passingModel, passOn, servedModel } from "../../../test/fixtures/served-models.ts";

const model = servedModel(
  "floats",
  passingModel({ x: { dataType: "float32", shape: [2] } }),
  passOn,
);
const path = "/v2/models/floats/infer";
const tensor = { name: "x", datatype: "FP32", shape: [2] };
const input = { ...tensor, data: [1, 2] };
const binary = { ...tensor, parameters: { binary_data_size: 8 } };

async function start(limits = {}) {
  const started = await startOip([model], { limits });
  const { url } = started.server;
  const post = async (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<[number, string]> => {
    const response = await fetch(`${url}${path}`, { method: "POST", body, headers });
    const { error = "answered:" } = (await response.json()) as { error?: string };
    return [response.status, error.split(":")[0] ?? ""];
  };
  return { ...started, url, post };
}

const invalid = [400, "REQUEST_INVALID"];
const tooLarge = [413, "REQUEST_TOO_LARGE"];

/** It becomes neither a number nor a text. */
const unwritable = { valueOf: 1, toString: 1 };

/** What somebody may write into a request, and the answer to it. */
const requests: readonly (readonly [string, unknown, readonly unknown[]])[] = [
  ["no object", [], invalid],
  ["null", null, invalid],
  ["no inputs", {}, invalid],
  ["inputs that are no list", { inputs: { x: input } }, invalid],
  ["an input that is no object", { inputs: [5] }, invalid],
  ["an input without a name", { inputs: [{ ...input, name: undefined }] }, invalid],
  ["an id that is no text", { id: 5, inputs: [input] }, invalid],
  ["parameters that are lists", { inputs: [input], parameters: { a: [] } }, invalid],
  ["a datatype that there is not", { inputs: [{ ...input, datatype: "FP31" }] }, invalid],
  [
    "another datatype than the model's",
    { inputs: [{ ...input, datatype: "INT32" }] },
    [400, "TENSOR_TYPE_MISMATCH"],
  ],
  [
    "another shape than the model's",
    { inputs: [{ ...input, shape: [1, 2] }] },
    [400, "TENSOR_SHAPE_MISMATCH"],
  ],
  ["a negative size", { inputs: [{ ...input, shape: [-2] }] }, invalid],
  ["two negative sizes", { inputs: [{ ...input, shape: [-1, -2] }] }, invalid],
  ["a size that is no whole number", { inputs: [{ ...input, shape: [0.5] }] }, invalid],
  ["sizes whose product overflows", { inputs: [{ ...input, shape: [2 ** 40, 2 ** 40] }] }, invalid],
  ["a shape far larger than its data", { inputs: [{ ...input, shape: [2 ** 50] }] }, invalid],
  ["a size that cannot be written", { inputs: [{ ...input, shape: [unwritable] }] }, invalid],
  ["an element that cannot be written", { inputs: [{ ...input, data: [unwritable, 1] }] }, invalid],
  ["too few elements", { inputs: [{ ...input, data: [1] }] }, invalid],
  ["elements that are no numbers", { inputs: [{ ...input, data: ["1", "2"] }] }, invalid],
  ["numbers that are none of 32 bits", { inputs: [{ ...input, data: [1e300, 0] }] }, invalid],
  ["neither data nor bytes", { inputs: [tensor] }, invalid],
  ["both data and bytes", { inputs: [{ ...binary, data: [1, 2] }] }, invalid],
  ["bytes that do not come", { inputs: [binary] }, invalid],
  [
    "a negative count of bytes",
    { inputs: [{ ...tensor, parameters: { binary_data_size: -8 } }] },
    invalid,
  ],
  [
    "a count of bytes that is a text",
    { inputs: [{ ...tensor, parameters: { binary_data_size: "8" } }] },
    invalid,
  ],
  ["an input twice", { inputs: [input, input] }, invalid],
  [
    "an input that the model has not",
    { inputs: [{ ...input, name: "y" }] },
    [400, "TENSOR_UNKNOWN"],
  ],
  [
    "an input under the name of a prototype",
    { inputs: [{ ...input, name: "__proto__" }] },
    [400, "TENSOR_UNKNOWN"],
  ],
  [
    "an output twice",
    { inputs: [input], outputs: [{ name: "x_out" }, { name: "x_out" }] },
    invalid,
  ],
  [
    "an output that the model has not",
    { inputs: [input], outputs: [{ name: "x" }] },
    [400, "TENSOR_UNKNOWN"],
  ],
  [
    "classes instead of an output",
    { inputs: [input], outputs: [{ name: "x_out", parameters: { classification: 3 } }] },
    invalid,
  ],
  [
    "memory that is shared",
    { inputs: [{ ...tensor, parameters: { shared_memory_region: "r" } }] },
    invalid,
  ],
  [
    "a form that is no truth value",
    { inputs: [input], parameters: { binary_data_output: 1 } },
    invalid,
  ],
  ["a negative timeout", { inputs: [input], parameters: { timeout: -1 } }, invalid],
  ["a timeout that is no number", { inputs: [input], parameters: { timeout: "soon" } }, invalid],
  [
    "two thousand inputs",
    { inputs: Array.from({ length: 2000 }, (_, at) => ({ ...input, name: `${at}` })) },
    tooLarge,
  ],
  [
    "two thousand outputs",
    { inputs: [input], outputs: Array.from({ length: 2000 }, (_, at) => ({ name: `${at}` })) },
    tooLarge,
  ],
];

test("a request that breaks a rule gets a coded answer, and the next one its tensors", async () => {
  const { post } = await start();
  for (const [what, request, expected] of requests) {
    expect([what, ...(await post(JSON.stringify(request)))]).toEqual([what, ...expected]);
  }
  expect(await post(JSON.stringify({ inputs: [input] }))).toEqual([200, "answered"]);
});

test("what is said of the commonest mistakes names what came, what is wanted, and a way out", async () => {
  const { url } = await start({ bodyBytes: 1000 });
  const bytes = new Uint8Array(8);
  const { body: unheaded } = inferBody({ inputs: [binary] }, bytes);
  const { body: unsized, headers } = inferBody({ inputs: [tensor] }, bytes);
  const json = (change: object, more: object = {}) =>
    JSON.stringify({ inputs: [{ ...input, ...change }], ...more });
  const mistakes = [
    [json({ name: "y" }), {}, "there is no input 'y'; the inputs are 'x'"],
    [json({ shape: [1, 2] }), {}, "input 'x' must have the shape [2], but [1, 2] was given"],
    [json({ datatype: "INT32" }), {}, "input 'x' must be FP32, but INT32 was given"],
    [json({ data: [1] }), {}, "input 'x' has 1 elements; the shape [2] needs 2"],
    [json({ data: [null, 1] }), {}, "element 0 of input 'x' is null; FP32 needs a finite number"],
    [
      json({ data: "-" }).replace('"-"', "[1,NaN]"),
      {},
      "send tensors that hold them in binary form",
    ],
    [json({ data: "-" }).replace('"-"', "[1,-Infinity]"), {}, "neither NaN nor infinity"],
    [unheaded, {}, "Inference-Header-Content-Length says how many bytes the JSON has"],
    [unsized, headers, "input 'x' has neither data nor a binary_data_size; give one of them"],
    [json({}, { outputs: [{ name: "z" }] }), {}, "has no output 'z'; its outputs are 'x_out'"],
    [
      "x".repeat(1001),
      {},
      "1001 bytes or more, this server takes at most 1000; ask for less at once",
    ],
  ] as const;
  for (const [body, given, said] of mistakes) {
    const response = await fetch(`${url}${path}`, { method: "POST", body, headers: given });
    expect((await response.json()) as unknown).toEqual({ error: expect.stringContaining(said) });
  }
});

test("a length of the JSON that is not one is refused", async () => {
  const { post } = await start();
  const { body } = inferBody({ inputs: [binary] }, new Uint8Array(8));
  const jsonBytes = body.byteLength - 8;
  const lengths = [0, 1, jsonBytes - 1, jsonBytes + 1, body.byteLength, body.byteLength + 1];
  for (const length of [...lengths, 2 ** 40, "9".repeat(400), -1, "1e3", "0x10", "", " "]) {
    const headers = { "inference-header-content-length": String(length) };
    expect([length, ...(await post(body, headers))]).toEqual([length, ...invalid]);
  }
  const headers = { "inference-header-content-length": String(jsonBytes) };
  const none = inferBody({ inputs: [binary], outputs: [] });
  expect(await post(none.body, headers)).toEqual(invalid);
  for (const cut of [1, 4, 8]) {
    expect(await post(body.subarray(0, body.byteLength - cut), headers)).toEqual(invalid);
  }
  expect(await post(Buffer.concat([body, Buffer.alloc(1)]), headers)).toEqual(invalid);
});

test("what is no JSON, or nested deeper than tensors are, is refused", async () => {
  const { post } = await start();
  for (const text of ["", "{", "\ud800", '{"inputs":[NaN]}', "\0"]) {
    expect(await post(text)).toEqual(invalid);
  }
  expect(await post("[".repeat(100_000))).toEqual(tooLarge);
  const nested = `${"[".repeat(80)}1,2${"]".repeat(80)}`;
  expect(await post(`{"inputs":[{"name":"x","data":${nested}}]}`)).toEqual(tooLarge);
});

test("a body beyond the limit is refused, whether its length is told, is not, or is hidden", async () => {
  const { post, server, url } = await start({ bodyBytes: 10_000 });
  expect(await post("x".repeat(10_001))).toEqual(tooLarge);
  const bomb = new Uint8Array(gzipSync(new Uint8Array(50_000_000)));
  expect(await post(bomb.subarray(0, 9000), { "content-encoding": "gzip" })).toEqual(tooLarge);
  const chunk = "x".repeat(5000);
  const chunked = `1388\r\n${chunk}\r\n`.repeat(3);
  const answer = await sendRaw(
    url,
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 413 [\s\S]*REQUEST_TOO_LARGE/);
  expect(await post(JSON.stringify({ inputs: [input] }))).toEqual([200, "answered"]);
  while (server.heldBytes() > 0) await settle();
});

test("of very many things that are wrong, not each is described", async () => {
  const { post } = await start();
  const wrong = Array.from({ length: 200_000 }, () => 0);
  expect(await post(JSON.stringify({ inputs: wrong }))).toEqual(tooLarge);
  expect(await post(JSON.stringify({ inputs: [input], outputs: wrong }))).toEqual(tooLarge);
  const { url } = await start();
  const parameters = Object.fromEntries(wrong.map((_, key) => [`p${key}`, null]));
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    body: JSON.stringify({ inputs: [input], parameters }),
  });
  expect(await response.json()).toEqual({
    error: expect.stringMatching(/^REQUEST_INVALID: parameters: expected an object of [^;]*$/),
  });
});

test("JSON beyond its own limits is refused, although the body is within", async () => {
  const { post } = await start({ jsonBytes: 200, jsonElements: 1 });
  expect(await post(JSON.stringify({ inputs: [input], id: "x".repeat(200) }))).toEqual(tooLarge);
  expect(await post(JSON.stringify({ inputs: [input] }))).toEqual(tooLarge);
});

test("of what a client repeats without end, its error repeats a part", async () => {
  const { url } = await start();
  const named = { ...input, name: "x".repeat(100_000) };
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    body: JSON.stringify({ inputs: [named, named] }),
  });
  expect((await response.text()).length).toBeLessThan(5000);
});

test("a coding that is damaged, cut off, unknown or a lie is refused", async () => {
  const { post } = await start();
  const body = JSON.stringify({ inputs: [input] });
  const packed = new Uint8Array(gzipSync(body));
  const damaged = packed.map((byte, at) => (at === 12 ? byte ^ 255 : byte));
  for (const [bytes, coding] of [
    [packed.subarray(0, packed.length - 9), "gzip"],
    [damaged, "gzip"],
    [body, "gzip"],
    [packed, "deflate"],
    [body, "zstd"],
    [packed, "gzip, gzip"],
  ] as const) {
    expect([coding, ...(await post(bytes, { "content-encoding": coding }))]).toEqual([
      coding,
      ...invalid,
    ]);
  }
  expect(await post(packed, { "content-encoding": "GZIP" })).toEqual([200, "answered"]);
});

test("headers beyond the limit are refused with their own status", async () => {
  const { url } = await start();
  const answer = await sendRaw(
    url,
    `GET /v2 HTTP/1.1\r\nHost: x\r\nLong: ${"x".repeat(40_000)}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 431 [\s\S]*REQUEST_TOO_LARGE/);
});

test("what is no HTTP, no route or no path is refused", async () => {
  const { url } = await start();
  expect(await sendRaw(url, "\x16\x03\x01\x02\x00\x01\x00")).toMatch(
    /^HTTP\/1.1 400 [\s\S]*REQUEST_INVALID/,
  );
  expect(await sendRaw(url, "GET / HTTP/9.9\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
  const long = `/v2/models/${"m".repeat(2000)}`;
  for (const [route, method, status] of [
    ["/v3", "GET", 404],
    ["/v2/models", "GET", 404],
    [path, "GET", 404],
    [path, "DELETE", 404],
    ["/v2/models/%zz", "GET", 400],
    ["/v2/models/%00", "GET", 404],
    [long, "GET", 414],
  ] as const) {
    const answer = await sendRaw(
      url,
      `${method} ${route} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect([route, Number(answer.split(" ")[1])]).toEqual([route, status]);
    expect(answer).toMatch(/"error":"[A-Z_]+: /);
  }
});

test("clients that send nothing of what they announced hold no memory, and are forgotten when they go", async () => {
  const { server, url, post } = await start({ heldBytes: 100_000, bodyBytes: 60_000 });
  const uploads = Array.from({ length: 5 }, () =>
    beginUpload(url, path, { "content-length": "60000" }),
  );
  for (const upload of uploads) upload.flushHeaders();
  expect(await post(JSON.stringify({ inputs: [input] }))).toEqual([200, "answered"]);
  for (const upload of uploads.slice(0, 2)) upload.write("x".repeat(49_000));
  while (server.heldBytes() < 98_000) await settle();
  expect(await post("x".repeat(5000))).toEqual([503, "DEVICE_BUSY"]);
  for (const upload of uploads) upload.destroy();
  while (server.heldBytes() > 0) await settle();
  expect(await post(JSON.stringify({ inputs: [input] }))).toEqual([200, "answered"]);
});

test("a server that is closed leaves nobody waiting", async () => {
  const asked = pledge();
  const stuck = servedModel("floats", passingModel({}), () => {
    asked.resolve();
    return new Promise(() => undefined);
  });
  const { server } = await startOip([stuck]);
  const waiting = expect(
    fetch(`${server.url}${path}`, { method: "POST", body: '{"inputs":[]}' }),
  ).rejects.toThrow();
  await asked.promise;
  await server.close();
  await waiting;
});
