import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../test/fixtures/code-of.ts";
import { Assembly } from "./assembly.ts";
import type { TensorMessage } from "./data-message.ts";

const at = (seconds: number) => ({ beganSeconds: seconds, endedSeconds: seconds + 1 });

function pieceOf(data: Uint8Array<ArrayBuffer>, offset: number, bytes: number) {
  const message: TensorMessage = {
    type: "tensor",
    generation: 1,
    request: 2,
    tensor: "x",
    dataType: "uint8",
    shape: [data.byteLength],
    piece: { offset, bytes: data.byteLength },
  };
  return { message, payload: data.slice(offset, offset + bytes) };
}

test("a tensor comes out whole once, whatever the order, sizes and repetitions of its pieces", () => {
  const data = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => new Uint8Array(bytes));
  const cuts = fc.array(fc.record({ offset: fc.nat(59), bytes: fc.integer({ min: 1, max: 20 }) }));
  fc.assert(
    fc.property(
      data,
      cuts,
      fc.integer({ min: 1, max: 20 }),
      fc.infiniteStream(fc.nat()),
      (all, extra, size, order) => {
        const grid = Array.from({ length: Math.ceil(all.byteLength / size) }, (_, index) => ({
          offset: index * size,
          bytes: size,
        }));
        const keyed = [...grid, ...extra.filter(({ offset }) => offset < all.byteLength)].map(
          (cut) => [order.next().value, cut] as const,
        );
        const cutsInOrder = keyed.toSorted((a, b) => a[0] - b[0]).map(([, cut]) => cut);
        const assembly = new Assembly();
        const whole = cutsInOrder.flatMap(({ offset, bytes }, index) => {
          const assembled = assembly.accept(pieceOf(all, offset, bytes), at(index));
          return assembled === null ? [] : [assembled];
        });
        expect(whole).toHaveLength(1);
        expect(whole[0]?.received.payload).toEqual(all);
        expect(whole[0]?.received.message).not.toHaveProperty("piece");
        expect([assembly.tensors, assembly.bytes]).toEqual([0, 0]);
      },
    ),
    { numRuns: 500 },
  );
});

test("the time of a tensor is from the first byte of any piece to the last of any", () => {
  const assembly = new Assembly();
  const data = new Uint8Array(30);
  assembly.accept(pieceOf(data, 10, 10), at(5));
  assembly.accept(pieceOf(data, 0, 10), at(2));
  expect(assembly.accept(pieceOf(data, 20, 10), at(8))?.seconds).toBe(7);
});

test("what came in one frame is passed on without a copy", () => {
  const { message, payload } = pieceOf(new Uint8Array(8), 0, 8);
  const { piece: _, ...whole } = message;
  const assembled = new Assembly().accept({ message: whole, payload }, at(1));
  expect(assembled?.received.payload).toBe(payload);
  expect(assembled?.seconds).toBe(1);
});

test("pieces that lie outside, do not fit or promise too much are refused before memory is taken", () => {
  const data = new Uint8Array(100);
  const good = pieceOf(data, 0, 10);
  const pieces: TensorMessage[] = [
    { ...good.message, piece: { offset: 95, bytes: 100 } },
    { ...good.message, piece: { offset: 0, bytes: 200 } },
    { ...good.message, shape: [2 ** 40], piece: { offset: 0, bytes: 2 ** 40 } },
  ];
  for (const message of pieces) {
    const assembly = new Assembly();
    const act = () => assembly.accept({ message, payload: good.payload }, at(0));
    expect(codeOf(act)).toBe("FRAME_MALFORMED");
    expect(assembly.bytes).toBe(0);
  }
  const assembly = new Assembly();
  assembly.accept({ ...good, payload: good.payload.slice() }, at(0));
  const other = { ...good.message, codec: "planes", piece: { offset: 10, bytes: 100 } };
  expect(codeOf(() => assembly.accept({ message: other, payload: good.payload }, at(0)))).toBe(
    "FRAME_MALFORMED",
  );
});

test("what nobody waits for is dropped, and the oldest where there are too many", () => {
  const assembly = new Assembly({ tensors: 2 });
  const { message, payload } = pieceOf(new Uint8Array(100), 0, 10);
  for (const request of [1, 2, 3]) {
    assembly.accept({ message: { ...message, request }, payload: payload.slice() }, at(0));
  }
  expect(assembly.tensors).toBe(2);
  const seen: number[] = [];
  assembly.forget(({ request }) => {
    seen.push(request);
    return request === 3;
  });
  expect([seen, assembly.bytes]).toEqual([[2, 3], 100]);
});

test("assemblies that share a budget take no more together, and give back what they drop or finish; a request whose tensor finds no room fails once", () => {
  const budget = { limitBytes: 250, usedBytes: 0 };
  const [one, other] = [new Assembly({ budget }), new Assembly({ budget, tensors: 1 })];
  const data = new Uint8Array(100);
  const begin = (assembly: Assembly, request: number) => {
    const { message, payload } = pieceOf(data, 0, 50);
    const assembled = assembly.accept({ message: { ...message, request }, payload }, at(0));
    return assembled?.received.message ?? null;
  };
  const refused = (request: number) => ({
    ...{ type: "failure", generation: 1, request },
    error: { code: "DEVICE_BUSY", details: { bytes: 100, usedBytes: 200, limitBytes: 250 } },
  });
  begin(one, 1);
  begin(other, 1);
  expect([budget.usedBytes, begin(one, 2), begin(other, 2), begin(one, 2)]).toMatchObject([
    200,
    refused(2),
    refused(2),
    null,
  ]);
  expect([one.bytes, other.bytes, budget.usedBytes]).toEqual([100, 100, 200]);
  other.forget(() => true);
  expect(budget.usedBytes).toBe(100);
  begin(other, 3);
  const last = pieceOf(data, 50, 50);
  expect(one.accept({ ...last, message: { ...last.message, request: 1 } }, at(1))).not.toBeNull();
  expect([one.bytes, budget.usedBytes]).toEqual([0, 100]);
});

test("empty pieces and pieces in more than 64 places are refused", () => {
  const data = new Uint8Array(1000);
  const assembly = new Assembly();
  const accept = (offset: number, bytes: number) =>
    codeOf(() => assembly.accept(pieceOf(data, offset, bytes), at(0)));
  expect([accept(0, 0), assembly.bytes]).toEqual(["FRAME_MALFORMED", 0]);
  for (let place = 0; place < 64; place++) accept(4 * place, 1);
  expect(accept(4 * 64, 1)).toBe("FRAME_MALFORMED");
  expect([accept(0, 4 * 64), accept(4 * 64, 1)]).toEqual(["none", "none"]);
});

test("a piece of a tensor that nobody expects takes no memory, whatever it promises", () => {
  const asked: string[] = [];
  const assembly = new Assembly({
    isExpected: ({ tensor }) => {
      asked.push(tensor);
      return false;
    },
  });
  const { message, payload } = pieceOf(new Uint8Array(10), 0, 5);
  const huge = { ...message, shape: [2 ** 30], piece: { offset: 0, bytes: 2 ** 30 } };
  expect(assembly.accept({ message: huge, payload }, at(0))).toBeNull();
  expect([assembly.tensors, assembly.bytes, asked.length]).toEqual([0, 0, 1]);
});
