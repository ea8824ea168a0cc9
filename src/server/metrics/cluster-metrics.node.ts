import type { Counter, Gauge } from "prom-client";
import type { ClusterEvent, ClusterStatus } from "../../cluster/status.ts";
import { type ClusterFigure, clusterFigures } from "./cluster-figures.ts";
import type { Instruments } from "./instruments.node.ts";

/** How the clusters stand that run models, and what happens in them. */
export class ClusterMetrics {
  readonly #figures: readonly Told[];
  readonly #events: Counter<"model" | "type">;
  readonly #sentBytes: Counter<"model" | "device">;

  constructor(instruments: Instruments) {
    this.#figures = clusterFigures.map((figure) => ({
      figure,
      metric: instruments[figure.type](figure.name, ["model", ...figure.labels], figure.help),
    }));
    this.#events = instruments.counter(
      "partita_cluster_events_total",
      ["model", "type"],
      "What happened in a cluster, by the type of event",
    );
    this.#sentBytes = instruments.counter(
      "partita_parts_sent_bytes_total",
      ["model", "device"],
      "Bytes of parts and weights that a device was sent",
    );
  }

  happened(model: string, event: ClusterEvent): void {
    this.#events.inc({ model, type: event.type });
    if (event.type === "sending") {
      this.#sentBytes.inc({ model, device: event.device }, event.bytes);
    }
  }

  /** Takes the place of all that was told of statuses before. */
  tell(statuses: ReadonlyMap<string, ClusterStatus>): void {
    for (const { figure, metric } of this.#figures) {
      metric.reset();
      for (const [model, status] of statuses) {
        for (const { labels, value } of figure.read(status)) {
          if (value !== null) metric.inc({ model, ...labels }, value);
        }
      }
    }
  }
}

interface Told {
  readonly figure: ClusterFigure;
  readonly metric: Counter | Gauge;
}
