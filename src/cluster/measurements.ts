import type { Measured } from "./control-message.ts";
import type { RequestStatus } from "./status.ts";

type Body = Measured["body"];

/** What the gateway has measured so far, for a status. */
export class Measurements {
  #answered = 0;
  #failed = 0;
  #replayed = 0;
  #last: Body | null = null;
  readonly #stages = new Map<string, number>();
  readonly #hops = new Map<string, number>();

  take(body: Body): void {
    this.#answered += body.answered;
    this.#failed += body.failed;
    this.#replayed += body.replayed;
    if (this.#last?.generation !== body.generation) this.#stages.clear();
    this.#last = body;
    for (const { stage, count, computeSeconds } of body.stages) {
      if (count > 0) this.#stages.set(stage, computeSeconds);
    }
    for (const { from, to, goodputBitsPerSecond } of body.hops) {
      if (goodputBitsPerSecond !== null) this.#hops.set(`${from}\n${to}`, goodputBitsPerSecond);
    }
  }

  /** Of a stage of the generation that was measured last; `null`: not known. */
  stageSeconds(generation: number, stage: string): number | null {
    return this.#last?.generation === generation ? (this.#stages.get(stage) ?? null) : null;
  }

  goodput(from: string, to: string): number | null {
    return this.#hops.get(`${from}\n${to}`) ?? null;
  }

  requests(): RequestStatus {
    const last = this.#last;
    const perSecond = last === null || last.seconds <= 0 ? null : last.answered / last.seconds;
    return {
      answered: this.#answered,
      failed: this.#failed,
      replayed: this.#replayed,
      inFlight: last?.inFlight ?? 0,
      waiting: last?.waiting ?? 0,
      latencySeconds: last?.latencySeconds ?? null,
      perSecond,
    };
  }
}
