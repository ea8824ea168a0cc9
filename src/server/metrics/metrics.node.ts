/**
 * What a server tells Prometheus: how requests go, where their time goes, how the clusters stand that
 * answer them, and how this process does.
 *
 * @module
 */
import { collectDefaultMetrics, type Registry } from "prom-client";
import type { ClusterEvent, ClusterStatus } from "../../cluster/status.ts";
import type { Arrival, Observation, Observer } from "../observer.ts";
import { ClusterMetrics } from "./cluster-metrics.node.ts";
import { Instruments } from "./instruments.node.ts";
import { RequestMetrics } from "./request-metrics.node.ts";
import { TritonMetrics } from "./triton-metrics.node.ts";

/** A page of metrics, as it is sent. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** Gauges whose names end as those of counters do: the same figures stand beside them by type. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

export class Metrics implements Observer {
  readonly #instruments = new Instruments();
  readonly #tritonInstruments = new Instruments();
  readonly #cluster: ClusterMetrics;
  readonly #observers: readonly Observer[];
  readonly #statuses: () => ReadonlyMap<string, ClusterStatus>;

  /** @param statuses of the clusters that run models, by the models' names; asked at each page */
  constructor(statuses: () => ReadonlyMap<string, ClusterStatus>) {
    this.#statuses = statuses;
    this.#observers = [
      new RequestMetrics(this.#instruments),
      new TritonMetrics(this.#tritonInstruments),
    ];
    this.#cluster = new ClusterMetrics(this.#instruments);
    const { registry } = this.#instruments;
    collectDefaultMetrics({ register: registry });
    for (const name of misnamed) registry.removeSingleMetric(name);
  }

  begun(arrival: Arrival): Observation {
    const observations = this.#observers.map((observer) => observer.begun(arrival));
    return {
      traceparent: null,
      ended: (departure) => {
        for (const observation of observations) observation.ended(departure);
      },
    };
  }

  /** Something happened in the cluster that runs a model. */
  happened(model: string, event: ClusterEvent): void {
    this.#cluster.happened(model, event);
  }

  /** Everything under our own names. */
  page(): Promise<Exposition> {
    this.#cluster.tell(this.#statuses());
    return exposed(this.#instruments.registry);
  }

  /** Requests under Triton's names. */
  tritonPage(): Promise<Exposition> {
    return exposed(this.#tritonInstruments.registry);
  }
}

async function exposed(registry: Registry): Promise<Exposition> {
  return { contentType: registry.contentType, text: await registry.metrics() };
}
