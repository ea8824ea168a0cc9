import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { Coder, type CoderOptions } from "./coder.ts";
import type { Failure, Report, TensorMessage } from "./data-message.ts";
import type { DeviceDeployment } from "./deployment.ts";
import { Executor } from "./executor.ts";
import { Keeper } from "./keeper.ts";

import { Processor } from "./processor.ts";
import { decodeMessage, type Received, tensorFrame, tensorOf } from "./protocol.ts";

const clock = createVirtualClock({ settle: () => settle() });
const options: CoderOptions = { clock, memoryBytes: null };

/** Passes x on, coded both ways. */
const relay: DeviceDeployment = {
  device: "gateway",
  generation: 1,
  stages: [],
  receives: [{ tensor: "x", from: "camera", codec: "zstd" }],
  forwards: [{ tensor: "x", to: "cloud", bytes: 100, codec: "bitmap" }],
  answers: [],
};

const zeros = byteTensor(new Uint8Array(4000));
const place = { generation: 1, request: 1, tensor: "x" };

function received(
  codec: string,
  data: Uint8Array,
  shape: readonly number[],
): Received<TensorMessage> {
  const value = { dataType: "uint8", shape, data: new Uint8Array(data) };
  return decodeMessage(tensorFrame({ ...place, codec }, value)) as Received<TensorMessage>;
}

test("a tensor that was coded for a link comes out of its frame as it was", async () => {
  const coder = await Coder.open(relay, options);
  const { value } = coder.encode("zstd", "x", zeros);
  expect(value.data.length).toBeLessThan(100);
  const frame = received("zstd", value.data.slice(), [4000]);
  expect(coder.decode("zstd", frame).value).toEqual(zeros);
  // Its memory was given back.
  expect(frame.payload.byteLength).toBe(0);
});

test("refuses a tensor in another form than the deployment says, or of another size", async () => {
  const coder = await Coder.open(relay, options);
  const { data } = coder.encode("zstd", "x", zeros).value;
  const coded = received("zstd", data, [4000]);
  expect(() => coder.decode("bitmap", coded)).toThrow("its codec is zstd, expected bitmap");
  expect(() => tensorOf(coded)).toThrow("its codec is zstd, expected none");
  expect(() => coder.decode("zstd", received("zstd", data, [4001]))).toThrow(
    expect.objectContaining({ code: "FRAME_MALFORMED" }),
  );
});

test("refuses a tensor that would not fit into memory, before it is decoded", async () => {
  const small = await Coder.open(relay, { ...options, memoryBytes: 3999 });
  const { data } = small.encode("zstd", "x", zeros).value;
  expect(() => small.decode("zstd", received("zstd", data, [4000]))).toThrow(/into 3999 bytes/);
  const forged = received("zstd", data, [2 ** 20, 2 ** 20]);
  const coder = await Coder.open(relay, options);
  expect(() => coder.decode("zstd", forged)).toThrow(/does not fit/);
});

test("a slower device does one thing after the other, each as much longer", async () => {
  const virtual = createVirtualClock({ settle: () => settle() });
  const processor = new Processor(virtual, 0.1);
  const ends: number[] = [];
  const work = [1, 2].map(async (took) => {
    await processor.occupy(0, took);
    ends.push(virtual.now());
  });
  await virtual.advance(seconds(100));
  await Promise.all(work);
  expect(ends).toEqual([10, 30]);
});

test("decodes what it relays and codes it again, both as long as on the slower device", async () => {
  const virtual = createVirtualClock({ settle: () => settle() });
  let processorSeconds = 0;
  // Whatever is coded takes one second, by the clock and of the processor.
  const coder = await Coder.open(relay, {
    clock: { ...virtual, now: () => seconds(virtual.now() + processorSeconds) },
    processorSeconds: () => (processorSeconds += 1),
    memoryBytes: null,
  });
  const sent: { at: number; bytes: number; codec: string | undefined }[] = [];
  const outcomes: (Report | Failure)[] = [];
  const executor = new Executor({
    deployment: relay,
    sessions: new Map(),
    clock: virtual,
    processor: new Processor(virtual, 0.5),
    keeper: new Keeper(0),
    coder,
    deliver: async (_to, _request, _tensor, { data }, codec) => {
      sent.push({ at: virtual.now(), bytes: data.length, codec });
      return { queueSeconds: seconds(0), sendSeconds: seconds(0) };
    },
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  const { data } = coder.encode("zstd", "x", zeros).value;
  const { value, seconds: took } = coder.decode("zstd", received("zstd", data, [4000]));
  expect(took).toBe(1);
  const arrived = { from: "camera", bytes: data.length, transitSeconds: 0, decodeSeconds: took };
  executor.accept(1, "x", value, arrived);
  await virtual.advance(seconds(10));
  // Received at −1 s, as it took a second; on the slower device decoded at 1 s, coded again at 3 s.
  expect(sent).toMatchObject([{ at: 3, codec: "bitmap" }]);
  expect(outcomes).toMatchObject([{ hops: [{ bytes: sent[0]?.bytes, encodeSeconds: 2 }] }]);
  expect(sent[0]?.bytes).toBeLessThan(200);
});
