import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What each of some labels says. */
export type LabelsOf<T extends string> = Readonly<Record<T, string>>;

/** From half a millisecond to a minute. */
const secondsBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Makes metrics that are told together. */
export class Instruments {
  readonly registry: Registry = new Registry();

  histogram<T extends string>(name: string, labels: readonly T[], help: string): Histogram<T> {
    return new Histogram({ ...this.#common(name, labels, help), buckets: secondsBuckets });
  }

  counter<T extends string>(name: string, labels: readonly T[], help: string): Counter<T> {
    return new Counter(this.#common(name, labels, help));
  }

  gauge<T extends string>(name: string, labels: readonly T[], help: string): Gauge<T> {
    return new Gauge(this.#common(name, labels, help));
  }

  #common<T extends string>(name: string, labelNames: readonly T[], help: string) {
    return { name, help, labelNames, registers: [this.registry] };
  }
}
