import type { Stage } from "../plan/plan.ts";
import { workIdsOf } from "../plan/stage-works.ts";
import type { Measured } from "./control-message.ts";
import type { RequestStatus } from "./status.ts";

type Body = Measured["body"];

/** What the gateway has measured so far, for a status. */
export class Measurements {
  /** Of gateways that have ended. */
  readonly #earlier = { answered: 0, failed: 0, replayed: 0 };
  #perSecond: number | null = null;
  #last: Body | null = null;
  /** By stage, device and rows. */
  readonly #stages = new Map<string, number>();
  readonly #hops = new Map<string, number>();

  take(body: Body): void {
    this.#count(body);
    if (this.#last?.generation !== body.generation) this.#stages.clear();
    this.#last = body;
    for (const { stage, device, rows, count, computeSeconds } of body.stages) {
      if (count > 0) this.#stages.set(`${stage}\n${device}\n${rows}`, computeSeconds);
    }
    for (const { from, to, goodputBitsPerSecond } of body.hops) {
      if (goodputBitsPerSecond !== null) this.#hops.set(`${from}\n${to}`, goodputBitsPerSecond);
    }
  }

  /**
   * Of a stage of the generation that was measured last: what the slowest of its devices computes for
   * it, in all tiles that it has, where so many rows go as one; `null`: not known of all.
   */
  stageSeconds(generation: number, stage: Stage, rows: number): number | null {
    if (this.#last?.generation !== generation) return null;
    const each = [...workIdsOf(stage)].map(([device, ids]) =>
      ids.reduce(
        (sum, id) => sum + (this.#stages.get(`${id}\n${device}\n${rows}`) ?? Number.NaN),
        0,
      ),
    );
    const slowest = Math.max(...each);
    return Number.isNaN(slowest) ? null : slowest;
  }

  goodput(from: string, to: string): number | null {
    return this.#hops.get(`${from}\n${to}`) ?? null;
  }

  requests(): RequestStatus {
    const last = this.#last;
    const { answered, failed, replayed } = this.#earlier;
    return {
      answered: answered + (last?.answered ?? 0),
      failed: failed + (last?.failed ?? 0),
      replayed: replayed + (last?.replayed ?? 0),
      inFlight: last?.inFlight ?? 0,
      waiting: last?.waiting ?? 0,
      latencySeconds: last?.latencySeconds ?? null,
      perSecond: this.#perSecond,
      requestsPerPass: last?.requestsPerPass ?? null,
    };
  }

  /** A gateway counts from its start on; one that has fewer than before is another. */
  #count(body: Body): void {
    const last = this.#last;
    const isAnother = last !== null && body.answered < last.answered;
    if (isAnother) {
      this.#earlier.answered += last.answered;
      this.#earlier.failed += last.failed;
      this.#earlier.replayed += last.replayed;
    }
    const before = last === null || isAnother ? 0 : last.answered;
    this.#perSecond = body.seconds > 0 ? (body.answered - before) / body.seconds : null;
  }
}
