import { plainSettingOf, type Setting } from "./setting.ts";
import { tiledSettingOf } from "./tiled-setting.ts";

/** From this seed on several devices run stages together. */
export const firstTiledSeed: number = 2 ** 20;

/** The world of a seed. */
export function settingOf(seed: number): Setting {
  return seed < firstTiledSeed ? plainSettingOf(seed) : tiledSettingOf(seed);
}
