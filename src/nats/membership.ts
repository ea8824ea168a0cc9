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
export async function presentMembers({ manager, names, members }: Engine): Promise<Member[]> {
  const found: Member[] = [];
  try {
    for (const key of await bucketKeys(manager, names.members)) {
      const entry = await members.get(key);
      const parsed = entry?.operation === "PUT" ? schema.safeParse(entry.json()) : null;
      if (parsed?.success === true) found.push(parsed.data);
    }
  } catch (error) {
    throw engineError("who is there cannot be read", error);
  }
  return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
