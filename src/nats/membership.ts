import { z } from "zod";
import { seconds } from "../base/units.ts";
import { bucketKeys } from "./bucket-keys.ts";
import type { Engine } from "./engine.ts";
import { engineError } from "./engine-error.ts";
import { wordOf } from "./names.ts";

/** A process of a cluster. */
export interface Member {
  /** Of the process, unlike any other's. */
  readonly id: string;
  readonly role: "coordinator" | "agent";
  /** The device of an agent, the machine of a coordinator. */
  readonly name: string;
  /** Where it can be dialled. */
  readonly addresses: readonly string[];
}

const schema: z.ZodType<Member> = z.object({
  id: z.string(),
  role: z.enum(["coordinator", "agent"]),
  name: z.string(),
  addresses: z.array(z.string()),
});

/** How often a process says that it is there. */
const sayingSeconds = seconds(1);
/** Whoever has been silent for so long has gone: by then the bucket has forgotten it, too. */
const silentSeconds = 6;
/** How often it is looked whether somebody has said it again. */
const lookSeconds = seconds(0.1);

/** Says that a process is there, until the signal aborts. */
export async function sayPresent(
  { members, clock }: Engine,
  member: () => Member,
  signal: AbortSignal,
): Promise<void> {
  const key = wordOf(member().id);
  while (!signal.aborted) {
    // It is said again soon.
    await members.put(key, JSON.stringify(member())).catch(() => undefined);
    await clock.sleep(sayingSeconds, signal).catch(() => undefined);
  }
  // Else it ends by itself, some seconds later.
  await members.delete(key).catch(() => undefined);
}

/** The processes that were there within the last seconds. @throws ENGINE_UNAVAILABLE */
export async function presentMembers(engine: Engine): Promise<Member[]> {
  const found = (await sayings(engine)).map(({ member }) => member);
  return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Whether one of some processes is there at this moment: it says so again. One that was killed is among
 * those present for some seconds. Takes a second where one is, six where one has gone, none where
 * there was none.
 *
 * @throws ENGINE_UNAVAILABLE
 */
export async function isHeard(
  engine: Engine,
  isMeant: (member: Member) => boolean,
): Promise<boolean> {
  const { clock } = engine;
  const end = clock.now() + silentSeconds;
  const latest = async (): Promise<number> => {
    const meant = (await sayings(engine)).filter(({ member }) => isMeant(member));
    return Math.max(0, ...meant.map(({ revision }) => revision));
  };
  const first = await latest();
  for (let last = first; last > 0 && clock.now() < end; last = await latest()) {
    if (last > first) return true;
    await clock.sleep(lookSeconds);
  }
  return false;
}

/** @returns what was said last by each, with what rises each time that somebody says something */
async function sayings({
  manager,
  names,
  members,
}: Engine): Promise<{ readonly member: Member; readonly revision: number }[]> {
  const found = [];
  try {
    for (const key of await bucketKeys(manager, names.members)) {
      const entry = await members.get(key);
      if (entry?.operation !== "PUT") continue;
      const { success, data } = schema.safeParse(entry.json());
      if (success) found.push({ member: data, revision: entry.revision });
    }
  } catch (error) {
    throw engineError("who is there cannot be read", error);
  }
  return found;
}
