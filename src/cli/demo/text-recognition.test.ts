import { expect, test } from "vitest";
import { decodeText, readDictionary } from "./text-recognition.ts";

const dictionary = readDictionary("a\nb\n");

function answer(...steps: bigint[]) {
  const data = new Uint8Array(BigInt64Array.from(steps).buffer);
  return { dataType: "int64", shape: [1, steps.length], data };
}

test("puts the blank before the dictionary and a space behind it", () => {
  expect(dictionary).toEqual(["", "a", "b", " "]);
});

test("reads repeated steps as one character, unless a blank stands between", () => {
  expect(decodeText(answer(0n, 1n, 1n, 2n, 0n, 2n, 3n, 1n), dictionary)).toBe("abb a");
});
