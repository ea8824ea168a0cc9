import type { Counter, Histogram } from "prom-client";
import type { RequestTimings } from "../../cluster/data-message.ts";
import type { Instruments, LabelsOf } from "./instruments.node.ts";

const ofStage = ["model", "version", "stage", "device"] as const;
const ofHop = ["model", "version", "from", "to"] as const;

/** Where the time of requests goes: stages on devices, and tensors on links. */
export class WayMetrics {
  readonly #stageQueue: Histogram<(typeof ofStage)[number]>;
  readonly #stageCompute: Histogram<(typeof ofStage)[number]>;
  readonly #stageBusy: Histogram<(typeof ofStage)[number]>;
  readonly #hopEncode: Histogram<(typeof ofHop)[number]>;
  readonly #hopQueue: Histogram<(typeof ofHop)[number]>;
  readonly #hopSend: Histogram<(typeof ofHop)[number]>;
  readonly #hopBytes: Counter<(typeof ofHop)[number]>;

  constructor(instruments: Instruments) {
    const ofStages = (what: string, help: string) =>
      instruments.histogram(`partita_stage_${what}_seconds`, ofStage, help);
    const ofHops = (what: string, help: string) =>
      instruments.histogram(`partita_hop_${what}_seconds`, ofHop, help);
    this.#stageQueue = ofStages("queue", "From a stage's last input until its device was free");
    this.#stageCompute = ofStages("compute", "A stage's run, as the runtime says");
    this.#stageBusy = ofStages("busy", "How long a stage took its device");
    this.#hopEncode = ofHops("encode", "Coding a tensor for a link");
    this.#hopQueue = ofHops("queue", "How long a tensor was behind others for the same device");
    this.#hopSend = ofHops("send", "Until a link had taken a tensor");
    this.#hopBytes = instruments.counter(
      "partita_hop_bytes_total",
      ofHop,
      "Bytes of tensors that went over a link, coded ones where there is a codec",
    );
  }

  went(model: LabelsOf<"model" | "version">, { stages, hops }: RequestTimings): void {
    for (const { stage, device, queueSeconds, computeSeconds, busySeconds } of stages) {
      const labels = { ...model, stage, device };
      this.#stageQueue.observe(labels, queueSeconds);
      this.#stageCompute.observe(labels, computeSeconds);
      this.#stageBusy.observe(labels, busySeconds);
    }
    for (const { from, to, bytes, encodeSeconds, queueSeconds, sendSeconds } of hops) {
      const labels = { ...model, from, to };
      this.#hopEncode.observe(labels, encodeSeconds);
      this.#hopQueue.observe(labels, queueSeconds);
      this.#hopSend.observe(labels, sendSeconds);
      this.#hopBytes.inc(labels, bytes);
    }
  }
}
