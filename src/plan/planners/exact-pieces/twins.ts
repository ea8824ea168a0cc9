import { areDevicesAlike, areLinksAlike } from "../../alike.ts";
import type { Problem } from "../../problem.ts";

/**
 * For each device the one before it in the list that is its like: exchanging the two changes no cost
 * of any plan that moves such tensors. -1: none. O(devices² · classes) time; where links form circles
 * and alike devices reach others through relays, O(devices³) for each kind of tensor.
 */
export function findTwins(problem: Problem, tensors: readonly number[]): number[] {
  const links = linksByEnds(problem);
  const kinds = new Set(tensors.map((tensor) => problem.hops.sampleOf(tensor)));
  const samples = [...kinds].map((kind) => problem.hops.samples[kind] as number);
  const isClear = once(() => isTree(problem) || areRoutesDirect(problem, samples));
  const classes: number[][] = [];
  return problem.devices.map((_, device) => {
    // Being alike carries over from one to the next, so that one of each class is enough.
    const alike = classes.find(
      ([other]) =>
        other !== undefined &&
        areDevicesAlike(problem, other, device) &&
        areLinkedAlike(problem, links, other, device) &&
        (isClear() || areRoutedAlike(problem, links, samples, other, device)),
    );
    const before = alike?.at(-1) ?? -1;
    if (alike === undefined) classes.push([device]);
    else alike.push(device);
    return before;
  });
}

/** The link between two devices, at [from · devices + to]; -1: none. */
export function linksByEnds({ devices, hops }: Problem): Int32Array {
  const links = new Int32Array(devices.length ** 2).fill(-1);
  hops.links.forEach(({ from, to }, link) => {
    links[from * devices.length + to] = link;
  });
  return links;
}

function once(find: () => boolean): () => boolean {
  let found: boolean | undefined;
  return () => {
    found ??= find();
    return found;
  };
}

/** Whether there is one way only between any two devices. */
function isTree({ devices, hops }: Problem): boolean {
  const count = devices.length;
  const pairs = new Set(
    hops.links.map(({ from, to }) => Math.min(from, to) * count + Math.max(from, to)),
  );
  // The door takes connected topologies only.
  return pairs.size === count - 1;
}

function areRoutesDirect({ devices, hops }: Problem, samples: readonly number[]): boolean {
  return devices.every((_, from) =>
    devices.every((_, to) =>
      samples.every((tensor) => (hops.route(from, to, tensor) ?? []).length <= 1),
    ),
  );
}

function areLinkedAlike(
  { devices, topology }: Problem,
  links: Int32Array,
  a: number,
  b: number,
): boolean {
  const count = devices.length;
  const isSame = (one: number, other: number): boolean =>
    areLinksAlike(topology.links[one], topology.links[other]);
  const link = (from: number, to: number): number => links[from * count + to] as number;
  return devices.every((_, other) => {
    if (other === a) return isSame(link(a, b), link(b, a));
    if (other === b) return true;
    return isSame(link(a, other), link(b, other)) && isSame(link(other, a), link(other, b));
  });
}

/** Which of two equal routes is taken depends on names. */
function areRoutedAlike(
  { devices, hops }: Problem,
  links: Int32Array,
  samples: readonly number[],
  a: number,
  b: number,
): boolean {
  const count = devices.length;
  const exchange = (device: number): number => (device === a ? b : device === b ? a : device);
  const image = (link: number): number => {
    const { from, to } = hops.links[link] as { from: number; to: number };
    return links[exchange(from) * count + exchange(to)] as number;
  };
  return samples.every((tensor) =>
    devices.every((_, from) =>
      devices.every((_, to) => {
        const route = hops.route(from, to, tensor);
        const other = hops.route(exchange(from), exchange(to), tensor);
        if (route === null || other === null) return route === other;
        return (
          route.length === other.length &&
          route.every((link, hop) => image(link) === (other[hop] as number))
        );
      }),
    ),
  );
}
