import fc from "fast-check";
import { expect, test } from "vitest";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { Keeper } from "./keeper.ts";

const value = (bytes: number) => byteTensor(new Uint8Array(bytes));

test("keeps tensors until their requests are settled, and nothing that comes later", () => {
  const keeper = new Keeper(100);
  keeper.keep(1, "a", value(10));
  keeper.keep(2, "a", value(20));
  expect(keeper.recall(1)).toEqual(["a"]);
  keeper.settle({ below: 8, open: [2] });
  keeper.keep(1, "b", value(10));
  expect([keeper.get(1, "a"), keeper.recall(1), keeper.heldBytes]).toEqual([undefined, [], 20]);
  expect([keeper.isSettled(7), keeper.isSettled(2)]).toEqual([true, false]);
});

test("passes over a mark that comes late, and forgets everything when it is told to", () => {
  const keeper = new Keeper(100);
  keeper.settle({ below: 5, open: [2, 4] });
  keeper.settle({ below: 5, open: [4] });
  keeper.settle({ below: 5, open: [2, 4] });
  keeper.settle({ below: 3, open: [1, 2] });
  const requests = [1, 2, 3, 4, 5];
  expect(requests.map((request) => keeper.isSettled(request))).toEqual([
    ...[true, true, true, false, false],
  ]);
  keeper.keep(4, "a", value(10));
  keeper.recall(4);
  keeper.clear();
  expect([keeper.heldBytes, keeper.recall(4)]).toEqual([0, []]);
});

test("drops the oldest requests first when there is no room", () => {
  const keeper = new Keeper(100);
  for (const request of [3, 1, 2]) keeper.keep(request, "a", value(40));
  expect([1, 2, 3].map((request) => keeper.recall(request))).toEqual([[], ["a"], ["a"]]);
});

test("drops nothing that somebody was told of: then what is new is not kept", () => {
  const keeper = new Keeper(50);
  keeper.keep(1, "a", value(40));
  keeper.recall(1);
  keeper.keep(1, "b", value(20));
  keeper.keep(2, "a", value(5));
  keeper.keep(3, "a", value(20));
  expect([1, 2, 3].map((request) => keeper.recall(request))).toEqual([["a"], [], []]);
});

test("never holds more than it may, and counts what it holds", () => {
  const action = fc.oneof(
    fc.record({
      type: fc.constant("keep" as const),
      request: fc.nat(9),
      tensor: fc.constantFrom("a", "b", "c"),
      bytes: fc.nat(60),
    }),
    fc.record({ type: fc.constantFrom("settle" as const, "recall" as const), request: fc.nat(9) }),
  );
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const keeper = new Keeper(100);
      for (const one of actions) {
        if (one.type === "keep") keeper.keep(one.request, one.tensor, value(one.bytes));
        else if (one.type === "settle")
          keeper.settle({ below: one.request, open: [one.request - 1] });
        else keeper.recall(one.request);
        const held = Array.from({ length: 10 }, (_, request) =>
          ["a", "b", "c"].map((tensor) => keeper.get(request, tensor)?.data.byteLength ?? 0),
        ).flat();
        expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBe(keeper.heldBytes);
        expect(keeper.heldBytes).toBeLessThanOrEqual(100);
      }
    }),
  );
});
