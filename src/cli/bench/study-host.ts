/**
 * What studies are run with: profiles and figures of this package or of the user.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../base/clock.node.ts";
import { CodedError, messageOf } from "../../base/errors.ts";
import type { StudyHost } from "../../compare/study.ts";
import { type Profile, readProfile, withoutCodecs } from "../../cost/profile.ts";
import type { LinearSolver } from "../../plan/linear-solver.ts";
import type { Planner } from "../../plan/planner.ts";
import { thisMachine } from "../measuring.ts";

/** The package itself: from `dist/cli/bench` in a checkout and where it is installed. */
const packageFolder = fileURLToPath(new URL("../../../", import.meta.url));

export interface HostOptions {
  readonly solver: LinearSolver;
  readonly quick: boolean;
  readonly guests: readonly Planner[];
  /** With a `NAME.profile.json` for each network; default: those of this package. */
  readonly profiles?: string;
}

export interface HostOfStudy {
  readonly host: StudyHost;
  /** Machines on which the profiles that were asked for so far were measured. */
  measuredOn(): readonly string[];
}

/** A host that reads each profile once, and remembers where it comes from. */
export function createStudyHost({ solver, quick, guests, profiles }: HostOptions): HostOfStudy {
  const folder = profiles ?? join(packageFolder, "bench", "profiles");
  const known = new Map<string, Profile>();
  const profileOf = (network: string): Profile => {
    const profile = known.get(network) ?? readStudyProfile(folder, network);
    known.set(network, profile);
    return profile;
  };
  return {
    host: { clock: systemClock, solver, quick, guests, profileOf, readFigures },
    measuredOn: () => [...new Set([...known.values()].map(machineOf))],
  };
}

/** @throws FILE_NOT_FOUND, PROFILE_INVALID, GRAPH_INVALID */
function readStudyProfile(folder: string, network: string): Profile {
  const path = join(folder, `${network}.profile.json`);
  const hint = `write it with "partita zoo ${network}" and "partita profile", or name a folder that has it with --profiles`;
  const profile = withoutCodecs(readProfile(read(path, hint), path));
  const [kind, ...others] = Object.values(profile.devices);
  if (kind === undefined || others.length > 0) {
    throw new CodedError(
      "PROFILE_INVALID",
      `${path}: studies want one kind of device, measured on one machine, and there are ${Object.keys(profile.devices).length}`,
    );
  }
  return { ...profile, devices: { [thisMachine]: kind } };
}

function readFigures(path: string): string {
  return read(join(packageFolder, "bench", "data", path), "the package should have it");
}

function read(path: string, hint: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const message = `${path} cannot be read (${messageOf(error)}); ${hint}`;
    throw new CodedError("FILE_NOT_FOUND", message, { path }, error);
  }
}

function machineOf({ source }: Profile): string {
  if (source === undefined) return "a machine that the profile does not name";
  const { machine, runtime, level, threads } = source;
  return `${machine}, ${runtime}, level ${level}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}
