import { expect, test } from "vitest";
import { modelOfGraph } from "../../test/fixtures/digest-runtime.ts";
import { relayStar } from "../../test/fixtures/relay-star.ts";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import { spread } from "../../test/fixtures/spread.ts";
import { pairOf } from "./coordination/state.ts";
import { PartCutter } from "./parts.ts";
import { PlanBook } from "./plan-book.ts";
import { planWithin } from "./plan-within.ts";

const {
  index: { graph },
  topology,
  profile,
} = problemOf({
  ...relayStar,
  links: [...relayStar.links, ...between("shed", "cloud", 0.001)],
  sink: "anywhere",
});
const inTurn = spread(profile);
const never = new AbortController().signal;
const world = { without: [], cut: [] };

function options(replan: typeof inTurn | undefined, tunnelled = [] as const) {
  const book = new PlanBook(graph, topology, new PartCutter(modelOfGraph(graph), new Map(), graph));
  return {
    topology,
    book,
    ...(replan === undefined ? {} : { replan }),
    tunnelled: () => tunnelled,
  };
}

test("does without one of two devices that do not reach each other over the relay", async () => {
  const cut = [pairOf("shed", "cloud")];
  const asked: string[][] = [];
  const answer = await planWithin(
    options(async (left) => {
      asked.push(left.devices.map(({ name }) => name));
      return await inTurn(left);
    }),
    { ...world, cut },
    never,
  );
  expect(asked.at(-1)).not.toContain("shed");
  expect(answer).toMatchObject({ shape: { devices: expect.not.arrayContaining(["shed"]) } });
});

test("has no plan without a planner, without a source, or from a planner that fails", async () => {
  expect(await planWithin(options(undefined), world, never)).toMatchObject({
    infeasible: expect.stringContaining("no planner"),
  });
  const lost = { ...world, without: ["camera"] };
  expect(await planWithin(options(inTurn), lost, never)).toMatchObject({
    infeasible: expect.stringContaining("'camera' is away"),
  });
  const failing = options(async () => {
    throw new Error("out of memory");
  });
  expect(await planWithin(failing, world, never)).toEqual({
    infeasible: "out of memory",
    hasFailed: true,
  });
});
