import type { HopTiming, RequestTimings } from "../../cluster/data-message.ts";

/** How long a tensor was on its way, as its sender saw it. */
export function hopSeconds({ encodeSeconds, queueSeconds, sendSeconds }: HopTiming): number {
  return encodeSeconds + queueSeconds + sendSeconds;
}

/**
 * When each device first heard of a request, in seconds since it set off. Each says by its own clock
 * when things began since then; what the first tensor's way to it took joins their clocks. O(D (D + H))
 * for D devices and H hops.
 *
 * A device that no tensor came to went on with what it had kept of the request, and counts from 0.
 */
export function heardSeconds({ source, stages, hops }: RequestTimings): Map<string, number> {
  const receivers = new Set(hops.map(({ to }) => to));
  const heard = new Map<string, number>();
  for (const { device } of stages) heard.set(device, Number.POSITIVE_INFINITY);
  for (const { from, to } of hops) {
    heard.set(from, Number.POSITIVE_INFINITY);
    heard.set(to, Number.POSITIVE_INFINITY);
  }
  for (const device of heard.keys()) {
    if (device === source || !receivers.has(device)) heard.set(device, 0);
  }
  const open = new Map(heard);
  // Dijkstra's algorithm: nothing comes before it was sent.
  while (open.size > 0) {
    const [device, known] = earliest(open);
    open.delete(device);
    const at = Number.isFinite(known) ? known : 0;
    heard.set(device, at);
    for (const hop of hops) {
      const before = open.get(hop.to);
      if (hop.from !== device || before === undefined) continue;
      open.set(hop.to, Math.min(before, at + hop.startSeconds + hopSeconds(hop)));
    }
  }
  return heard;
}

function earliest(open: ReadonlyMap<string, number>): readonly [device: string, seconds: number] {
  return [...open].reduce((best, one) => (one[1] < best[1] ? one : best));
}
