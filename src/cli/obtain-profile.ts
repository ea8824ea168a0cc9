import { mergeProfiles, type Profile, withoutCodecs } from "../cost/profile.ts";
import type { Surroundings } from "./command.ts";
import { loadProfile, type ProfilingChoices, refuseOthers } from "./profiles.ts";

/**
 * The profile that a command plans with: a file, or several merged, or the measurement of a model,
 * kept in the cache folder.
 *
 * @param argument a profile's file, or MODEL
 * @param others files of further kinds of device; given with a model, it is not measured
 * @throws PROFILE_INVALID, FILE_NOT_FOUND, and what measuring throws
 */
export async function obtainProfile(
  argument: string,
  others: readonly string[],
  call: Surroundings & { readonly options: ProfilingChoices },
): Promise<Profile> {
  const { terminal } = call;
  if (!argument.endsWith(".json")) {
    // Models, and what measures them, are loaded only by who needs them.
    const [{ loadModel }, { profileModel }] = await Promise.all([
      import("./model-argument.ts"),
      import("./measuring.ts"),
    ]);
    return profileModel(await loadModel(argument, terminal), others, call);
  }
  const files = [argument, ...others];
  const merged = mergeProfiles(await Promise.all(files.map((path) => loadProfile(path, terminal))));
  refuseOthers(merged, call.options);
  return call.options.codecs === false ? withoutCodecs(merged) : merged;
}
