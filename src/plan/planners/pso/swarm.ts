import type { Random } from "../../../base/random.ts";

/** How a swarm moves. */
export interface Swarm {
  readonly particles: number;
  readonly rounds: number;
  /** Whether particles also learn from each other and leap, which keeps the swarm from settling early. */
  readonly isImproved: boolean;
  /** Whether a position stands for nothing new; the improved swarm leaps on from there. */
  readonly isKnown?: (position: readonly number[]) => boolean;
}

const inertia = { first: 0.9, last: 0.4 } as const;
/** How strongly a particle is drawn to its own best position and to the best of all. */
const pull = 1.5;
const chances = { learn: 0.3, swap: 0.2, redraw: 0.1 } as const;
/** Leaps in a row for the sake of something new. */
const mostLeaps = 12;

interface Particle {
  position: number[];
  velocity: number[];
  best: number[];
  cost: number;
}

/**
 * Particle swarm optimisation over positions in [0, stages + 1) on each axis: yields each position
 * that is visited and takes its cost. The first particles start at the seeds, the others anywhere.
 *
 * The improved swarm learns comprehensively: now and then a particle follows on one axis the better of
 * two others' best positions instead of its own and that of all; and it swaps two axes or redraws one, at
 * random and wherever it comes to what is known.
 *
 * @see Kennedy and Eberhart, "Particle swarm optimization", ICNN 1995
 * @see Liang et al., "Comprehensive learning particle swarm optimizer", IEEE TEVC 10(3), 2006
 */
export function* fly(
  axes: number,
  seeds: readonly (readonly number[])[],
  { particles: count, rounds, isImproved, isKnown = () => false }: Swarm,
  random: Random,
): Generator<readonly number[], void, number> {
  const range = axes + 1;
  const draw = (): number => random.next() * range;
  const particles: Particle[] = Array.from({ length: count }, (_, number) => {
    const position = [...(seeds[number] ?? Array.from({ length: axes }, draw))];
    const velocity = position.map(() => (random.next() - 0.5) * axes);
    return { position, velocity, best: position, cost: Number.POSITIVE_INFINITY };
  });
  let leader = particles[0] as Particle;
  for (let round = 0; round <= rounds; round++) {
    for (const particle of particles) {
      if (round > 0) {
        move(particle, leader.best, weightOf(round, rounds), random, (axis) =>
          isImproved && random.next() < chances.learn ? teacherOf(particles, axis, random) : null,
        );
        if (isImproved) leap(particle, draw, random, isKnown);
      }
      const cost = yield particle.position;
      if (cost <= particle.cost) {
        particle.cost = cost;
        particle.best = [...particle.position];
      }
      if (particle.cost < leader.cost) leader = particle;
    }
  }
}

function weightOf(round: number, rounds: number): number {
  return inertia.first + ((inertia.last - inertia.first) * (round - 1)) / Math.max(1, rounds - 1);
}

/** The coordinate of the better of two random particles' best positions. */
function teacherOf(particles: readonly Particle[], axis: number, random: Random): number {
  const [one, other] = [random.pick(particles), random.pick(particles)];
  return (one.cost <= other.cost ? one : other).best[axis] as number;
}

function move(
  { position, velocity, best }: Particle,
  leader: readonly number[],
  weight: number,
  random: Random,
  learn: (axis: number) => number | null,
): void {
  const fastest = position.length / 2;
  position.forEach((at, axis) => {
    const teacher = learn(axis);
    const own = pull * random.next();
    const all = pull * random.next();
    const drawn =
      teacher === null
        ? own * ((best[axis] as number) - at) + all * ((leader[axis] as number) - at)
        : (own + all) * (teacher - at);
    const speed = weight * (velocity[axis] as number) + drawn;
    velocity[axis] = Math.max(-fastest, Math.min(fastest, speed));
    const range = position.length + 1;
    position[axis] = Math.max(0, Math.min(range * (1 - 1e-9), at + (velocity[axis] as number)));
  });
}

function leap(
  { position }: Particle,
  draw: () => number,
  random: Random,
  isKnown: (position: readonly number[]) => boolean,
): void {
  const axis = (): number => random.integer(position.length);
  const swap = (one: number, other: number): void => {
    const moved = position[one] as number;
    position[one] = position[other] as number;
    position[other] = moved;
  };
  if (random.next() < chances.swap) swap(axis(), axis());
  if (random.next() < chances.redraw) position[axis()] = draw();
  for (let leaps = 0; leaps < mostLeaps && isKnown(position); leaps++) {
    if (random.next() < 0.5) swap(axis(), axis());
    else position[axis()] = draw();
  }
}
