import { createRandom } from "../../base/random.ts";
import { seconds } from "../../base/units.ts";
import { plainSettingOf, remembered, type Setting } from "./setting.ts";

/**
 * A plain setting whose plans join two to four requests, in some after a wait; those for fewer devices,
 * and those that are gone over to while others serve, may join fewer, or none.
 */
export function joinedSettingOf(seed: number): Setting {
  const plain = plainSettingOf(seed, { hasRows: true });
  const random = createRandom(seed + 2 ** 26);
  const most = 2 + random.integer(3);
  const waitSeconds = seconds(random.pick([0, 0.1, 0.4]));
  return {
    ...plain,
    memoryBytes: null,
    plan: remembered((left, another = 0) => {
      const found = plain.plan(left, another);
      if ("infeasible" in found) return found;
      const missing = plain.topology.devices.length - left.devices.length;
      const fewer = (missing + another) % most;
      return { ...found, batch: { most: most - fewer, waitSeconds, tried: [] } };
    }),
  };
}
