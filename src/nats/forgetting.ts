/**
 * Devices whose keys are not to be known any more. Only who leads knows keys: who stands by hands on
 * what it was told.
 *
 * @module
 */
import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { SharedCell } from "./shared-cell.ts";

const schema: z.ZodType<readonly string[]> = z.array(z.string());
/** Before it is tried again. */
const pauseSeconds = seconds(0.25);

export interface Forgetting {
  readonly cell: SharedCell;
  readonly clock: Clock;
  /** Frees a device's name. @throws if it cannot yet: it is tried again */
  readonly forget: (device: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Has whoever leads, now or next, free the names of devices. @throws ENGINE_FULL, ENGINE_UNAVAILABLE */
export async function askToForget(cell: SharedCell, devices: readonly string[]): Promise<void> {
  for (let isSaid = devices.length === 0; !isSaid; ) {
    const { revision, text } = await cell.read();
    const all = new Set([...devicesIn(text), ...devices]);
    isSaid = (await cell.replace(revision, JSON.stringify([...all]))) !== null;
  }
}

/**
 * Frees the names that somebody has asked for.
 *
 * @throws what `forget` throws; ENGINE_FULL, ENGINE_UNAVAILABLE: then they are freed once more
 */
export async function forgetAsked({
  cell,
  forget,
}: Pick<Forgetting, "cell" | "forget">): Promise<void> {
  for (;;) {
    const { revision, text } = await cell.read();
    const devices = devicesIn(text);
    if (devices.length === 0) return;
    for (const device of devices) await forget(device);
    await cell.replace(revision, "[]");
  }
}

/** Frees names whenever somebody asks for it, until the signal aborts. */
export async function forgetWhenAsked(forgetting: Forgetting): Promise<void> {
  const { cell, clock, signal } = forgetting;
  for await (const _ of cell.watch(signal)) {
    for (let isDone = false; !isDone && !signal.aborted; ) {
      try {
        await forgetAsked(forgetting);
        isDone = true;
      } catch {
        await clock.sleep(pauseSeconds, signal).catch(() => undefined);
      }
    }
  }
}

/** None where nothing stands, or nothing that this version can read. */
function devicesIn(text: string): readonly string[] {
  try {
    const { success, data } = schema.safeParse(JSON.parse(text));
    return success ? data : [];
  } catch {
    return [];
  }
}
