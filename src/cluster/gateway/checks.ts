import { isCoded } from "../../base/errors.ts";
import type { Opened, Report } from "../data-message.ts";
import type { Inference } from "../inference.ts";
import { malformed } from "../protocol.ts";
import type { WireError } from "../wire-error.ts";

/** Whether a request that cannot go on in this generation may yet in the next one. */
export function isPassing({ code }: WireError): boolean {
  return code === "CHANNEL_CLOSED" || code === "DEVICE_LOST" || code === "GENERATION_STALE";
}

/** Whether a request that has failed may be answered if it is asked once more. */
export function isWorthRetrying(error: unknown): boolean {
  return isCoded(error) && (error.code === "DEVICE_BUSY" || error.details["isDead"] === true);
}

/** @throws FRAME_MALFORMED if a device reports what another one has done */
export function checkReport(device: string, { stages, hops, receipts }: Report): void {
  const isOwn =
    stages.every((stage) => stage.device === device) &&
    hops.every(({ from }) => from === device) &&
    receipts.every(({ to }) => to === device);
  if (!isOwn) throw malformed(`a report of device '${device}'`, "it speaks of another device");
}

/** With its outputs in the order of the model's signature. */
export function inOrder({ request, outputs, timings }: Inference, opened: Opened): Inference {
  const ordered = opened.outputs.flatMap(({ name }) => {
    const value = outputs[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { request, outputs: Object.fromEntries(ordered), timings };
}
