import type { Asked } from "./load.ts";
import type { Fault, Schedule } from "./schedule.ts";
import type { Setting } from "./setting.ts";

/** When faults count from, and which there were. */
export interface Circumstances {
  readonly schedule: Schedule;
  readonly setting: Setting;
  /** Which of the models was asked. */
  readonly model: number;
  /** On the shared clock. */
  readonly start: number;
}

/** Requests that have not ended, or have failed without a reason that allows it. */
export function findUnjustified(
  all: readonly Asked[],
  circumstances: Circumstances,
): readonly string[] {
  if (all.length === 0) {
    return isOutOfReach(circumstances) ? [] : ["nobody could ask anything"];
  }
  return all.flatMap((asked) => {
    const { request, end, askedSeconds, deadlineSeconds } = asked;
    const name = `request ${request}, asked at ${askedSeconds.toFixed(3)} s,`;
    if (end === null) return [`${name} has not ended`];
    const lasted = end.atSeconds - askedSeconds;
    switch (end.outcome) {
      case "answered":
      case "abandoned":
      case "cancelled":
        return [];
      case "REQUEST_DEADLINE_EXCEEDED":
        if (deadlineSeconds !== null && lasted >= deadlineSeconds - 1e-9) return [];
        return [`${name} has exceeded a deadline of ${deadlineSeconds} s after ${lasted} s`];
      case "CHANNEL_CLOSED":
      case "DEVICE_LOST":
        if (mayBeLost(asked, end.atSeconds, circumstances)) return [];
        return [`${name} has failed with ${end.outcome} after ${lasted.toFixed(3)} s`];
      case "MODEL_NOT_READY":
        if (mayBeUnloaded(asked, end.atSeconds, circumstances)) return [];
        return [`${name} has failed with ${end.outcome} after ${lasted.toFixed(3)} s`];
      default:
        return [`${name} has failed with ${end.outcome}`];
    }
  });
}

/** How long after the end of a fault somebody may still suffer from it. */
const aftermathSeconds = 8;

/** A client without retries gives up a source that has said nothing for longer. */
const clientPatienceSeconds = 4;

/** Programs that ask for four seconds may find nobody when others are away for longer. */
const longAbsenceSeconds = 2;

/** The faults that were over not long before a request, or began before its end. */
function faultsNear(
  { askedSeconds }: Asked,
  endSeconds: number,
  { schedule, start }: Circumstances,
): readonly Fault[] {
  return schedule.faults.filter(({ atSeconds, seconds }) => {
    const from = start + atSeconds;
    return endSeconds >= from && askedSeconds <= from + seconds + aftermathSeconds;
  });
}

/** Whether its model was unloaded near a request's life. */
function mayBeUnloaded(...life: Parameters<typeof faultsNear>): boolean {
  const [, , { model }] = life;
  return faultsNear(...life).some((fault) => fault.type === "unload" && fault.model === model);
}

/**
 * Whether the source crashed, the sink (on a device of its own) was lost, or the model unloaded, near
 * a request's life. What befell another model only is no reason.
 */
function mayBeLost(...life: Parameters<typeof faultsNear>): boolean {
  const [{ isRepeated }, , { setting, model }] = life;
  const { source, sink } = setting.topology;
  const ownSink = sink === "anywhere" || sink === source ? null : sink;
  return faultsNear(...life).some((fault) => {
    switch (fault.type) {
      case "crash":
        return fault.host === ownSink || (fault.host === source && !isRepeated);
      case "pause":
        if (fault.host === source && fault.seconds > clientPatienceSeconds) return !isRepeated;
        return fault.host === ownSink;
      case "slow":
      case "cut":
      case "hide":
        return ownSink !== null;
      case "sever":
        return ownSink !== null && fault.model === model;
      case "unload":
        return fault.model === model;
      case "refuse":
      case "adopt":
        return false;
      default:
        return fault satisfies never;
    }
  });
}

/** Whether those whom every program has to find were away, or cut off, for much of the time. */
function isOutOfReach({ schedule, setting, model }: Circumstances): boolean {
  const needed = ["coordinator", setting.topology.source];
  const struck = schedule.faults.filter((fault) => {
    if (fault.type === "adopt" || fault.type === "slow") return false;
    if (fault.type === "unload") return fault.model === model;
    const hosts = fault.type === "cut" ? [...fault.hosts, ...fault.others] : [fault.host];
    return needed.some((host) => hosts.includes(host));
  });
  return struck.reduce((sum, { seconds }) => sum + seconds, 0) >= longAbsenceSeconds;
}
