import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../test/fixtures/code-of.ts";
import { CodedError } from "../base/errors.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeReference,
  encodeRequest,
  referenceIn,
  tensorBytes,
} from "./request-bytes.ts";

const bytes = fc.uint8Array({ maxLength: 20 }).map((data) => new Uint8Array(data));
const tensor = bytes.map((data) => ({ dataType: "uint8", shape: [data.length], data }));
const tensors = fc.dictionary(fc.string({ minLength: 1 }), tensor, {
  maxKeys: 4,
  noNullPrototype: true,
});
const inputsSha256 = fc.constantFrom(null, "0f");

test("reads every request as it was written", () => {
  const id = fc.string({ minLength: 1, maxLength: 128 });
  const deadlineSeconds = fc.constantFrom(null, 0.5, 9);
  const request = fc.record({ inputs: tensors, id, deadlineSeconds, inputsSha256 });
  fc.assert(
    fc.property(request, (given) => {
      expect(decodeRequest(encodeRequest(given))).toEqual(given);
    }),
  );
});

test("reads tensors of any name", () => {
  const value = { dataType: "uint8", shape: [1], data: Uint8Array.of(7) };
  const inputs = Object.fromEntries([["__proto__", value]]);
  const kept = encodeRequest({ inputs, id: "1", deadlineSeconds: null, inputsSha256: null });
  expect(Object.entries(decodeRequest(kept).inputs)).toEqual([["__proto__", value]]);
});

test("reads every answer as it was written, and every failure", () => {
  const timings = { source: "camera", waitSeconds: 0, totalSeconds: 1, stages: [], hops: [] };
  fc.assert(
    fc.property(tensors, inputsSha256, (outputs, hash) => {
      const outcome = { request: 3, outputs, timings };
      const answer = { place: 7, inputsSha256: hash, outcome };
      expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
    }),
  );
  const failure = new CodedError("RUNTIME_FAILED", "no", { stage: "s1" });
  const { outcome } = decodeAnswer(
    encodeAnswer({ place: 7, inputsSha256: null, outcome: failure }),
  );
  expect(outcome).toMatchObject({
    code: "RUNTIME_FAILED",
    message: "no",
    details: { stage: "s1" },
  });
});

test("knows what stands for bytes elsewhere", () => {
  expect(referenceIn(encodeReference("answer.m.1"))).toBe("answer.m.1");
  const here = encodeRequest({ inputs: {}, id: "1", deadlineSeconds: null, inputsSha256: null });
  expect(referenceIn(here)).toBeNull();
});

test("writes equal tensors to equal bytes, in whatever order they are given", () => {
  const [x, y] = [1, 2].map((at) => ({
    dataType: "uint8",
    shape: [1],
    data: new Uint8Array([at]),
  }));
  expect(tensorBytes({ x, y } as never)).toEqual(tensorBytes({ y, x } as never));
});

test("refuses anything else with a code, however it is damaged", () => {
  const whole = encodeRequest({
    inputs: { x: { dataType: "uint8", shape: [2], data: new Uint8Array([1, 2]) } },
    id: "1",
    deadlineSeconds: null,
    inputsSha256: null,
  });
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, value, isCut) => {
      const damaged = isCut ? whole.slice(0, at) : whole.with(at, value);
      expect(["none", "FRAME_MALFORMED"]).toContain(codeOf(() => decodeRequest(damaged)));
    }),
    { numRuns: 300 },
  );
});
