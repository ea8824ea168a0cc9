import { expect, onTestFinished, test } from "vitest";
import { Fleet } from "../../bench/faults/fleet.ts";
import { Load } from "../../bench/faults/load.ts";
import {
  alonePeriodSeconds,
  type DeviceName,
  makeSamples,
  prepareModel,
} from "../../bench/faults/setting.ts";
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

/** A silence is noticed soon. What faults cost in time is measured where nothing else runs. */
const liveness = { heartbeatSeconds: 0.2, missedHeartbeats: 8 };
const testMilliseconds = 300_000;
/** The source alone answers 25 a second. */
const perSecond = 40;
const lasting = { answers: 10, patienceSeconds: 0 };

async function start(sink: DeviceName, isPatient: boolean) {
  const prepared = await prepareModel();
  const samples = await makeSamples(prepared, 5);
  const fleet = await Fleet.start(sink, liveness);
  onTestFinished(() => fleet.end());
  const load = await Load.start({ address: fleet.address, samples, isPatient, perSecond });
  onTestFinished(() => load.stop());
  const suffer = async (fault: Fault) => {
    await tryFault(fleet, load, fault, lasting);
  };
  return { fleet, load, suffer, alone: alonePeriodSeconds(prepared) };
}

test(
  "answers every request once and with the same bits while devices, links and the coordinator fail",
  async () => {
    const { fleet, load, suffer, alone } = await start("camera", true);
    for (const device of ["gateway", "spare", "cloud"] as const) {
      await suffer(killed(fleet, device));
      await suffer(stopped(fleet, device));
    }
    await suffer(cut(fleet, "cloud"));
    await suffer(coordinatorKilled(fleet));
    await suffer(abandoned(fleet, ["gateway", "spare", "cloud"], alone));
    await suffer(endpointKilled(fleet, "camera"));
    const { sent, ...counts } = await load.end();
    expect(counts).toEqual({ answered: sent, lost: 0, doubled: 0, wrong: 0, givenUp: 0 });
  },
  testMilliseconds,
);

test(
  "what a lost source or sink held is given up, and answered once under the same id when it is back",
  async () => {
    const { fleet, load, suffer } = await start("cloud", false);
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
