import { expect, test } from "vitest";
import type { Inference } from "../inference.ts";
import { Lingering } from "./lingering.ts";

function start() {
  const lingering = new Lingering({ requests: 2, bytes: 10 });
  const withdrawn: number[] = [];
  const settlers: ((inference: Inference) => void)[] = [];
  const add = (bytes: number) => {
    const answered = new Promise<Inference>((resolve) => settlers.push(resolve));
    const position = settlers.length - 1;
    lingering.add({ answered, withdraw: () => withdrawn.push(position) }, bytes);
  };
  const answer = async (position: number) => {
    const timings = { source: "camera", waitSeconds: 0, totalSeconds: 0, stages: [], hops: [] };
    settlers[position]?.({ request: 1, outputs: {}, timings });
    await undefined;
  };
  return { lingering, withdrawn, add, answer };
}

test("gives the oldest up when there are too many, or too large ones", () => {
  const { lingering, withdrawn, add } = start();
  add(1);
  add(1);
  expect(withdrawn).toEqual([]);
  add(1);
  expect(withdrawn).toEqual([0]);
  add(9);
  expect(withdrawn).toEqual([0, 1]);
  add(11);
  expect(withdrawn).toEqual([0, 1, 2, 3, 4]);
  expect(lingering.size).toBe(0);
});

test("what is answered makes room", async () => {
  const { lingering, withdrawn, add, answer } = start();
  add(5);
  add(5);
  await answer(0);
  add(5);
  expect([withdrawn, lingering.size]).toEqual([[], 2]);
});
