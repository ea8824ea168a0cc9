import { createRandom } from "../../base/random.ts";
import type { Bytes } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import { type PlacedModel, remainingTopology } from "../../plan/several/remaining.ts";
import {
  memoryForParts,
  memoryForSome,
  plainSettingOf,
  type Setting,
  type Settings,
} from "./setting.ts";

/** Of what is little memory elsewhere. */
const leastShare = 0.65;

/** How often each model is said to be asked: seldom, since nobody plans for its time here. */
export const requestsPerSecond = 0.01;

/**
 * Two models, in some settings three, on the devices of a plain setting. Where its devices are short of
 * memory, they are short of it for all models together, and each makes do with what the others leave;
 * in half of these settings that is so little that after a loss some find no place.
 */
export function severalSettingsOf(seed: number): Settings {
  const random = createRandom(seed + 2 ** 25);
  const count = random.next() < 0.8 ? 2 : 3;
  const share = random.next() < 0.5 ? 1 : leastShare;
  const plain = Array.from({ length: count }, (_, at) =>
    plainSettingOf(seed + at * 2 ** 24, { key: `m${at}` }),
  );
  const [first] = plain as [Setting, ...Setting[]];
  const isTight = first.topology.devices.some(({ memoryBytes }) => memoryBytes !== null);
  const some = plain.reduce((sum, { profile }) => sum + memoryForSome(profile.graph), 0);
  const forAll = Math.ceil(share * some) as Bytes;
  const onDevices = (own: Partial<Setting>): Settings => {
    const { topology, names, spare, isHidden, followsWorld } = first;
    const shared = { topology, names, spare, isHidden, followsWorld, ...own };
    return plain.map((one) => ({ ...one, ...shared })) as [Setting, ...Setting[]];
  };
  const tight = onDevices({
    topology: withMemory(first.topology, forAll),
    memoryBytes: first.memoryBytes === null ? null : memoryForParts(forAll),
    // Plans for what the others leave would follow each other round and round.
    followsWorld: false,
  });
  if (isTight && placesOf(tight) !== null) return tight;
  return onDevices({ topology: withMemory(first.topology, null), memoryBytes: null });
}

/** Where each model goes first, beside those before it; `null`: one finds no place. */
export function placesOf(settings: Settings): readonly Plan[] | null {
  const placed: PlacedModel[] = [];
  for (const { key, profile, topology, plan } of settings) {
    const found = plan(placed.length === 0 ? topology : remainingTopology(topology, placed));
    if ("infeasible" in found) return null;
    placed.push({ name: key ?? "", profile, requestsPerSecond, plan: found });
  }
  return placed.map(({ plan }) => plan);
}

function withMemory(topology: Topology, memoryBytes: Bytes | null): Topology {
  return {
    ...topology,
    devices: topology.devices.map((device) => ({ ...device, memoryBytes })),
  };
}
