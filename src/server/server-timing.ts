import type { RequestTimings } from "../cluster/data-message.ts";

/** Proxies take 8 KiB of headers in all, at the least. */
const longest = 2048;

/**
 * Where the time of a request went, as the value of the header `Server-Timing`: what it waited, what
 * it took, and its stages and hops in milliseconds; if they are too many, the longest of them.
 *
 * @see https://www.w3.org/TR/server-timing/
 */
export function serverTiming({ waitSeconds, totalSeconds, stages, hops }: RequestTimings): string {
  const whole = [entry("wait", null, waitSeconds), entry("run", null, totalSeconds)];
  const parts = [
    ...stages.map(({ stage, device, queueSeconds, busySeconds }) => ({
      seconds: queueSeconds + busySeconds,
      text: entry("stage", `${stage} on ${device}`, queueSeconds + busySeconds),
    })),
    ...hops.map(({ from, to, encodeSeconds, queueSeconds, sendSeconds }) => ({
      seconds: encodeSeconds + queueSeconds + sendSeconds,
      text: entry("hop", `${from} to ${to}`, encodeSeconds + queueSeconds + sendSeconds),
    })),
  ];
  const chosen = new Set<(typeof parts)[number]>();
  let room = longest - whole.join(", ").length;
  for (const part of parts.toSorted((a, b) => b.seconds - a.seconds)) {
    room -= part.text.length + 2;
    if (room < 0) break;
    chosen.add(part);
  }
  const kept = parts.filter((part) => chosen.has(part));
  return [...whole, ...kept.map(({ text }) => text)].join(", ");
}

function entry(name: string, description: string | null, seconds: number): string {
  const told = description === null ? "" : `;desc="${quotable(description)}"`;
  return `${name}${told};dur=${Number((seconds * 1000).toFixed(3))}`;
}

/** What may stand between the quotes of a header. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&");
}
