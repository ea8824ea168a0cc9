import { expect, test } from "vitest";
import { virtualSetting } from "../../test/fixtures/cluster.ts";
import { modelOfGraph } from "../../test/fixtures/digest-runtime.ts";
import { shapeOf } from "../../test/fixtures/imitated-cluster.ts";
import { mesh, meshPlan } from "../../test/fixtures/mesh.ts";
import { startCoordination } from "./coordination/state.ts";
import { KnownDevices } from "./identity.ts";
import { JournalKeeper } from "./journal-keeper.ts";
import { PartCutter } from "./parts.ts";
import { PlanBook } from "./plan-book.ts";

/** A keeper whose disk takes what it is given when it is told to. */
function keeperOf() {
  const { graph } = mesh.index;
  const { clock, until } = virtualSetting();
  const book = new PlanBook(
    graph,
    mesh.topology,
    new PartCutter(modelOfGraph(graph), new Map(), graph),
  );
  const { number: plan } = book.add(meshPlan("camera", "camera", "camera", "camera"));
  const written: number[] = [];
  const letGo: (() => void)[] = [];
  const journal = {
    load: async () => null,
    save: async (text: string) => {
      await new Promise<void>((resolve) => letGo.push(resolve));
      written.push(JSON.parse(text).lastGeneration);
    },
  };
  const keeper = new JournalKeeper({ clock, journal, graph, token: "t" }, book, new KnownDevices());
  const first = { plan, shape: shapeOf(["camera"]), cause: "test" };
  const state = startCoordination({
    devices: ["camera"],
    source: "camera",
    sink: "anywhere",
    first,
    limits: { silentTicks: 5, heartbeatSeconds: 1, joinSeconds: 1 },
  });
  const save = (lastGeneration: number) => keeper.save({ ...state, lastGeneration });
  return { keeper, save, written, letGo, until, clock };
}

test("writes one version after the other, and only the newest of those that wait", async () => {
  const { keeper, save, written, letGo, until } = keeperOf();
  const saved = [save(1), save(2), save(3)];
  letGo.shift()?.();
  await until(Promise.race([saved[0], Promise.resolve()]));
  expect(keeper.isBehind).toBe(true);
  letGo.shift()?.();
  await until(Promise.all(saved));
  expect(written).toEqual([1, 3]);
  expect(keeper.isBehind).toBe(false);
  await save(3);
  expect(written).toEqual([1, 3]);
});

test("waits two seconds for a disk that hangs, and writes nothing once it is closed", async () => {
  const { keeper, save, written, letGo, until, clock } = keeperOf();
  const failure = save(1).catch((error) => error);
  expect(await until(failure)).toMatchObject({ code: "FILE_WRITE_FAILED" });
  expect(clock.now()).toBeCloseTo(2, 1);
  const later = save(2).catch((error) => error);
  const closed = keeper.close();
  letGo.shift()?.();
  await until(Promise.all([closed, later]));
  await save(3);
  expect(written).toEqual([1]);
  expect(letGo).toEqual([]);
});
