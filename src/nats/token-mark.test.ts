import { scryptSync } from "node:crypto";
import { expect, test } from "vitest";
import { createMemoryCell } from "../../test/fixtures/memory-cell.ts";
import { tokenMark } from "./token-mark.node.ts";

test("a mark is the same for all of a cluster with one token, and of use in no other cluster", async () => {
  const [cell, elsewhere] = [createMemoryCell(), createMemoryCell()];
  const [one, same, other, stranger] = await Promise.all([
    tokenMark(cell.view(), "T"),
    tokenMark(cell.view(), "T"),
    tokenMark(cell.view(), "U"),
    tokenMark(elsewhere.view(), "T"),
  ]);
  expect(same).toBe(one);
  expect(new Set([one, other, stranger]).size).toBe(3);
  // As slow to compute as this: whoever tries words gets nowhere.
  const { text: salt } = await cell.view().read();
  const slow = { N: 32_768, r: 8, maxmem: 2 ** 26 };
  expect(one).toBe(scryptSync("T", Buffer.from(salt, "hex"), 32, slow).toString("hex"));
});
