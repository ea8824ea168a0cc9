import type { Heartbeat } from "./control-message.ts";

/** A transfer between two devices that is under way. */
export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly seconds: number;
  /** At which what has come of it came in; left out: the other side has not seen enough of it. */
  readonly seenBitsPerSecond?: number;
}

/** What an agent has said last. */
interface Heard extends Pick<Heartbeat, "pending" | "arriving"> {
  readonly agent: { readonly name: string };
}

/** A shorter time says more of the moments at which a process was awake than of a link. */
const leastSeconds = 0.1;

/** The oldest transfer of each pair of devices, with what its receiver sees of it. O(transfers). */
export function transfersOf(agents: Iterable<Heard>): Transfer[] {
  const all = [...agents];
  const seen = new Map(
    all.flatMap(({ agent, arriving }) =>
      arriving
        .filter(({ bytes, seconds }) => bytes > 0 && seconds >= leastSeconds)
        .map(({ device, bytes, seconds }) => [pairOf(device, agent.name), (8 * bytes) / seconds]),
    ),
  );
  return all.flatMap(({ agent: { name }, pending }) =>
    pending.map(({ device, bytes, passedSeconds, seconds }) => {
      const seenBitsPerSecond = seen.get(pairOf(name, device));
      const underWay = { from: name, to: device, bytes };
      if (seenBitsPerSecond === undefined) return { ...underWay, seconds };
      // It is not all there, however long the word of that would take.
      return { ...underWay, seconds: passedSeconds, seenBitsPerSecond };
    }),
  );
}

function pairOf(from: string, to: string): string {
  return `${from}\n${to}`;
}
