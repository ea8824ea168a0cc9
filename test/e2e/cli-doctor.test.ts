import { createServer } from "node:net";
import { afterAll, expect, test } from "vitest";
import type { Check } from "../../src/cli/doctor/check.ts";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
afterAll(() => bench.remove());

test("finds this machine fit to be a device", async () => {
  const { code, output } = await bench.run("doctor", "--json");
  const { checks } = JSON.parse(output) as { checks: readonly Check[] };
  expect(checks.filter(({ state }) => state === "failed")).toEqual([]);
  expect(checks.map(({ name }) => name)).toContain("runtime");
  expect(code).toBe(0);
});

test("fails, and says why, where no coordinator listens", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  const { code, output } = await bench.call("doctor", "--join", `127.0.0.1:${port}`);
  expect(code).toBe(1);
  expect(output).toMatch(/failed +TCP to 127\.0\.0\.1:\d+ +refused/);
  expect(output).toContain("1 failed");
});

test("refuses a token without a coordinator to show it to", async () => {
  expect((await bench.call("doctor", "--token", "t")).code).toBe(64);
});
