/** What users import as `partita/cost`. */
export { graphSha256 } from "./graph-hash.ts";
export { type DeviceProfile, mergeProfiles, type Profile, readProfile } from "./profile.ts";
export type { Device, Link, Topology } from "./topology.ts";
export { readTopology } from "./topology-file.ts";
export { mergeTraces, readTrace, type Trace } from "./trace.ts";
