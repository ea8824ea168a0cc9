import { joinedSettingOf } from "./joined-setting.ts";
import { plainSettingOf, type Setting } from "./setting.ts";
import { tiledSettingOf } from "./tiled-setting.ts";

/** From this seed on several devices run stages together. */
export const firstTiledSeed: number = 2 ** 20;

/** From this seed on requests are joined. */
export const firstJoinedSeed: number = 2 ** 21;

/** The world of a seed. */
export function settingOf(seed: number): Setting {
  if (seed >= firstJoinedSeed) return joinedSettingOf(seed);
  return seed < firstTiledSeed ? plainSettingOf(seed) : tiledSettingOf(seed);
}
