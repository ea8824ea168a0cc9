import { expect, test } from "vitest";
import { countWork, noUtilisation, skipWork, utilisationOf } from "./utilisation.ts";

function seen(...busySeconds: number[]) {
  const devices = busySeconds.map((seconds, device) => ({
    ...{ device, slowDown: 1, count: 1 },
    busySeconds: seconds,
  }));
  return { devices, links: [], bounds: [] };
}

test("counts which part of the time each device works, from the first seconds on", () => {
  let known = noUtilisation(3);
  expect(utilisationOf(known, 0)).toBe(0);
  for (let second = 0; second <= 8; second++) known = countWork(known, seen(0.6, 0.2), second);
  expect(utilisationOf(known, 0)).toBeCloseTo(0.6, 9);
  expect(utilisationOf(known, 1)).toBeCloseTo(0.2, 9);
  expect(utilisationOf(known, 2)).toBe(0);
});

test("forgets what is long ago, and never says more than all of the time", () => {
  let known = countWork(countWork(noUtilisation(1), seen(), 0), seen(9), 1);
  expect(utilisationOf(known, 0)).toBe(1);
  for (let second = 2; second <= 60; second++) known = countWork(known, seen(0), second);
  expect(utilisationOf(known, 0)).toBeLessThan(0.01);
});

test("time that is skipped says nothing", () => {
  const known = countWork(countWork(noUtilisation(1), seen(), 0), seen(0.5), 1);
  const later = countWork(skipWork(known, 50), seen(0.5), 51);
  expect(utilisationOf(later, 0)).toBeCloseTo(0.5, 9);
});
