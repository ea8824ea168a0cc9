import { joinedSettingOf } from "./joined-setting.ts";
import { plainSettingOf, type Settings } from "./setting.ts";
import { severalSettingsOf } from "./several-setting.ts";
import { tiledSettingOf } from "./tiled-setting.ts";

/** From this seed on several devices run stages together. */
export const firstTiledSeed: number = 2 ** 20;

/** From this seed on requests are joined. */
export const firstJoinedSeed: number = 2 ** 21;

/** From this seed on several models run on the same devices. */
export const firstSeveralSeed: number = 2 ** 22;

/** The world of a seed: a model by itself, or several on the same devices. */
export function settingsOf(seed: number): Settings {
  if (seed >= firstSeveralSeed) return severalSettingsOf(seed);
  if (seed >= firstJoinedSeed) return [joinedSettingOf(seed)];
  return [seed < firstTiledSeed ? plainSettingOf(seed) : tiledSettingOf(seed)];
}
