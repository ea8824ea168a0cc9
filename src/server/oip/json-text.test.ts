import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../../test/fixtures/code-of.ts";
import { readJson } from "./json-text.ts";
import { defaultLimits } from "./limits.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("reads every JSON up to its depth, and none beyond", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const bytes = encode(JSON.stringify(value));
      const depth = depthOf(value);
      const limits = { ...defaultLimits, jsonDepth: depth };
      expect(JSON.stringify(readJson(bytes, limits))).toEqual(JSON.stringify(value));
      if (depth === 0) return;
      const less = { ...defaultLimits, jsonDepth: depth - 1 };
      expect(codeOf(() => readJson(bytes, less))).toBe("REQUEST_TOO_LARGE");
    }),
  );
});

test("brackets within texts count for nothing, however the texts are written", () => {
  const limits = { ...defaultLimits, jsonDepth: 1 };
  for (const value of [["[[[{"], ['\\"[['], ["\\\\", "["], ['"']]) {
    expect(readJson(encode(JSON.stringify(value)), limits)).toEqual(value);
  }
});

test("what is far too deep or too long is refused without being read", () => {
  const deep = encode("[".repeat(1_000_000));
  expect(() => readJson(deep, defaultLimits)).toThrow(/nested deeper than 72 levels at byte 72/);
  const limits = { ...defaultLimits, jsonBytes: 10 };
  expect(codeOf(() => readJson(encode('"a long text"'), limits))).toBe("REQUEST_TOO_LARGE");
});

test("what is no JSON in UTF-8 is refused", () => {
  const wrong = ["", "{", '{"a":}', "[1,]", "nothing", "]]]]"].map(encode);
  for (const bytes of [...wrong, new Uint8Array([0x22, 0xff, 0x22])]) {
    expect(codeOf(() => readJson(bytes, defaultLimits))).toBe("REQUEST_INVALID");
  }
});
