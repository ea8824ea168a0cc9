import { expect, onTestFinished, test } from "vitest";
import { Fleet } from "../../bench/faults/fleet.ts";
import { Load } from "../../bench/faults/load.ts";
import { type Choices, makeSamples, prepareModel } from "../../bench/faults/setting.ts";
import {
  abandoned,
  coordinatorKilled,
  cut,
  endpointKilled,
  type Fault,
  killed,
  stopped,
  tryFault,
} from "../../bench/faults/trials.ts";

/** Long silences are missed quickly, and this machine may be busy. */
const liveness = { heartbeatSeconds: 0.1, missedHeartbeats: 5 };
/** It is less than one on a machine that has nothing else to do: what it is there is measured elsewhere. */
const longestPauseSeconds = 10;
const testMilliseconds = 300_000;
/** While a fault lasts. */
const answers = 15;

async function start(choices: Choices, isPatient: boolean) {
  const samples = await makeSamples(await prepareModel(), 5);
  const fleet = await Fleet.start(choices, liveness);
  onTestFinished(() => fleet.end());
  const load = await Load.start(fleet.address, samples, isPatient);
  onTestFinished(() => load.stop());
  const suffer = async (fault: Fault) => {
    const { pauseSeconds } = await tryFault(fleet, load, fault, answers);
    expect(pauseSeconds, fault.name).toBeLessThan(longestPauseSeconds);
  };
  return { fleet, load, suffer };
}

test(
  "answers every request once and with the same bits while devices, links and the coordinator fail",
  async () => {
    const choices = { sink: "camera", first: ["camera", "gateway", "cloud"] } as const;
    const { fleet, load, suffer } = await start(choices, true);
    for (const device of ["gateway", "spare", "cloud"] as const) {
      await suffer(killed(fleet, device));
      await suffer(stopped(fleet, device));
    }
    await suffer(cut(fleet, ...fleet.pairInUse()));
    await suffer(coordinatorKilled(fleet));
    await suffer(killed(fleet, fleet.deviceInUse()));
    await suffer(abandoned(fleet, [fleet.deviceInUse()]));
    await suffer(abandoned(fleet, ["gateway", "spare", "cloud"]));
    await suffer(endpointKilled(fleet, "camera"));
    const { sent, ...counts } = await load.end();
    expect(counts).toEqual({ answered: sent, lost: 0, doubled: 0, wrong: 0, givenUp: 0 });
  },
  testMilliseconds,
);

test(
  "what a lost source or sink held is given up, and answered once under the same id when it is back",
  async () => {
    const choices = { sink: "cloud", first: ["camera", "gateway", "cloud"] } as const;
    const { fleet, load, suffer } = await start(choices, false);
    await suffer(killed(fleet, "gateway"));
    expect(load.counts.givenUp).toBe(0);
    await suffer(endpointKilled(fleet, "cloud"));
    const { givenUp } = load.counts;
    expect(givenUp).toBeGreaterThan(0);
    await suffer(endpointKilled(fleet, "camera"));
    const { sent, ...counts } = await load.end();
    expect(counts.givenUp).toBeGreaterThan(givenUp);
    expect(counts).toMatchObject({ answered: sent, lost: 0, doubled: 0, wrong: 0 });
  },
  testMilliseconds,
);
