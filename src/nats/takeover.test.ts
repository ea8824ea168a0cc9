import { expect, onTestFinished, test } from "vitest";
import {
  connect,
  joinAgent,
  startCoordinator,
  virtualSetting,
} from "../../test/fixtures/cluster.ts";
import { byteTensor } from "../../test/fixtures/digest-runtime.ts";
import { createMemoryCell } from "../../test/fixtures/memory-cell.ts";
import { pairProblem } from "../../test/fixtures/pair.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { wholeAnswer } from "../../test/fixtures/whole-answer.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Plan } from "../plan/plan.ts";
import { Candidate } from "./candidate.ts";
import { sharedJournal } from "./kv-journal.ts";
import { LeaderSight } from "./leader-sight.ts";
import { leaderAddress, withLeader } from "./leader-transport.ts";

const pair = pairProblem();
const plan = planOf(pair, ["camera", "cloud"]) as Plan;

function cluster() {
  const setting = virtualSetting(() => 0.5);
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const [record, journal] = [createMemoryCell(), createMemoryCell()];
  const { transport, clock } = setting;
  const sight = new LeaderSight(record.view(), over.signal);
  const toLeader = { ...setting, transport: withLeader({ transport, sight, clock }) };
  /** Leads as soon as it may, at an address of its own. */
  const lead = async (id: string) => {
    const who = { id, addresses: [id], model: "m", command: "coordinator" } as const;
    const self = { ...who, tokenMark: "t", fingerprint: null };
    const candidate = new Candidate({ cell: record.view(), clock, self });
    const leadership = await candidate.lead(over.signal);
    const { term } = leadership;
    const onFenced = (): void => undefined;
    const store = sharedJournal({ cell: journal.view(), term, tokenMark: "t", onFenced });
    const options = { listen: id, journal: store, joinSeconds: null };
    return { leadership, coordinator: await startCoordinator(setting, pair, plan, options) };
  };
  return { setting, toLeader, lead };
}

async function joinBoth(
  setting: ReturnType<typeof virtualSetting>,
  to: { readonly address: string },
): Promise<void> {
  for (const name of ["camera", "cloud"]) await setting.until(joinAgent(setting, to, name));
}

const stopped = new CodedError("LEADERSHIP_LOST", "it renews no more");
const leader = { address: leaderAddress };

test("agents go over to whoever leads next within 3 s, and no request notices", async () => {
  const { setting, toLeader, lead } = cluster();
  const one = await setting.until(lead("one:1"));
  await joinBoth(toLeader, leader);
  await setting.until(one.coordinator.ready());
  const next = lead("two:1");
  const client = await connect(toLeader, leader, { retry: { newId: () => "id" } });
  onTestFinished(() => client.close());
  const asked = client.infer({ x: byteTensor([1]) }, { id: "during" });
  await setting.clock.advance(seconds(0.6));
  // As if it had been killed: nothing is said to anybody, and nothing renewed.
  const killedAt = setting.clock.now();
  one.leadership.lose(stopped);
  await setting.until(one.coordinator.abandon());
  const two = await setting.until(next);
  onTestFinished(() => two.coordinator.close());
  await setting.until(two.coordinator.ready());
  const devices = two.coordinator.status().devices.map(({ state }) => state);
  expect(devices).toEqual(["running", "running"]);
  expect(setting.clock.now() - killedAt).toBeLessThan(3);
  expect(two.coordinator.status().generations.map(({ generation }) => generation)).toEqual([1]);
  const expected = await wholeAnswer(pair.index.graph, { x: byteTensor([1]) });
  expect((await setting.until(asked)).outputs).toEqual(expected);
});

test("a leader that is paused is left as soon as another one leads", async () => {
  const { setting, toLeader, lead } = cluster();
  const one = await setting.until(lead("one:1"));
  await joinBoth(toLeader, leader);
  await setting.until(one.coordinator.ready());
  const next = lead("two:1");
  await setting.clock.advance(seconds(0.1));
  // It does not know yet: its channels stand, and it goes on pinging.
  one.leadership.lose(stopped);
  const two = await setting.until(next);
  onTestFinished(() => two.coordinator.close());
  await setting.until(two.coordinator.ready());
  expect(one.coordinator.status().devices.map(({ state }) => state)).not.toContain("running");
  await setting.until(one.coordinator.abandon());
});

test("a leader whose journal is another one's by now deploys nothing", async () => {
  const { setting } = cluster();
  const journal = { load: async () => null, save: () => Promise.reject(stopped) };
  const coordinator = await startCoordinator(setting, pair, plan, { journal, joinSeconds: null });
  onTestFinished(() => coordinator.abandon());
  await joinBoth(setting, coordinator);
  await setting.clock.advance(seconds(5));
  expect(coordinator.status().generations.map(({ state }) => state)).toEqual(["preparing"]);
});
