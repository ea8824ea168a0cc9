import type { Line } from "./line.ts";

/** Relative: what differs by less is equal but for rounding. */
const tie = 1e-9;

/** What is written down about requests and servers. */
export class Log {
  readonly requests: number;
  answered = 0;
  /** When the warm-up ended. */
  startSeconds = 0;
  /** Of the last answer. */
  endSeconds = 0;
  readonly #warmUp: number;
  /** What a step asks of a server for one request. */
  readonly #workOf: (server: number, step: number) => number;
  readonly #latency: Float64Array;
  readonly #answeredAt: Float64Array;
  /** By server, of the measured time: seconds in which it was taken, and seconds of work done. */
  readonly #taken: Float64Array;
  readonly #done: Float64Array;
  /** The same up to the last answer: what follows it, before a device that is lost, does not count. */
  #takenAtAnswer: Float64Array;
  #doneAtAnswer: Float64Array;
  readonly #mayStall: boolean;

  /** @param mayStall whether the last answer may come long before the end */
  constructor(
    requests: number,
    warmUp: number,
    servers: number,
    workOf: (server: number, step: number) => number,
    mayStall: boolean,
  ) {
    this.requests = requests;
    this.#mayStall = mayStall;
    this.#warmUp = warmUp;
    this.#workOf = workOf;
    this.#latency = new Float64Array(requests);
    this.#answeredAt = new Float64Array(requests);
    this.#taken = new Float64Array(servers);
    this.#done = new Float64Array(servers);
    this.#takenAtAnswer = this.#taken;
    this.#doneAtAnswer = this.#done;
  }

  /** Requests that only keep a loop closed stand behind the last one, and are not written down. */
  enter(request: number, now: number): void {
    if (request < this.requests) this.#latency[request] = now;
  }

  answer(now: number, line: Line): void {
    const request = this.answered++;
    this.#latency[request] = now - (this.#latency[request] as number);
    this.#answeredAt[request] = now;
    this.endSeconds = now;
    if (this.answered === this.#warmUp) {
      this.startSeconds = now;
      this.#taken.fill(0);
      this.#done.fill(0);
      this.#addUnderWay(line, -1);
    }
    if (this.#mayStall || this.answered === this.requests) this.#settle(line);
  }

  /** @param isCut the work was not ended, and counts as nothing */
  release(server: number, step: number, start: number, end: number, isCut: boolean): void {
    this.#add(server, end - start, isCut ? 0 : this.#workOf(server, step));
  }

  latencies(): {
    readonly latencySeconds: Float64Array;
    readonly answeredAtSeconds: Float64Array;
    readonly measured: Float64Array;
  } {
    const { answered } = this;
    return {
      latencySeconds: this.#latency.subarray(0, answered),
      answeredAtSeconds: this.#answeredAt.subarray(0, answered),
      measured: this.#latency.subarray(Math.min(this.#warmUp, answered), answered),
    };
  }

  /**
   * A server that needs L seconds for a request has done its work for at most T ÷ L requests in T
   * seconds: the period that is counted there is never below its L.
   *
   * @param workPerRequest by server
   */
  measure(workPerRequest: ArrayLike<number>): {
    readonly periodSeconds: number | null;
    readonly shares: Float64Array;
  } {
    const seconds = this.endSeconds - this.startSeconds;
    const shares = this.#takenAtAnswer.map((taken) => (seconds > 0 ? taken / seconds : 0));
    if (this.answered <= this.#warmUp) return { periodSeconds: null, shares };
    let periodSeconds = seconds / (this.answered - this.#warmUp);
    let most = 0;
    this.#doneAtAnswer.forEach((done, server) => {
      const requests = done / (workPerRequest[server] as number);
      const needed = (this.#takenAtAnswer[server] as number) / requests;
      if (!(needed >= most * (1 - tie))) return;
      const isTie = needed <= most * (1 + tie);
      periodSeconds = isTie ? Math.min(periodSeconds, seconds / requests) : seconds / requests;
      most = Math.max(most, needed);
    });
    return { periodSeconds, shares };
  }

  #settle(line: Line): void {
    this.#addUnderWay(line, 1);
    this.#takenAtAnswer = this.#taken.slice();
    this.#doneAtAnswer = this.#done.slice();
    this.#addUnderWay(line, -1);
  }

  /** What is half done counts half: as much as there was time for. */
  #addUnderWay(line: Line, sign: 1 | -1): void {
    line.forEachTaken((server, step, since) => {
      const elapsed = this.endSeconds - since;
      this.#add(server, sign * elapsed, sign * Math.min(elapsed, this.#workOf(server, step)));
    });
  }

  #add(server: number, taken: number, done: number): void {
    this.#taken[server] = (this.#taken[server] as number) + taken;
    this.#done[server] = (this.#done[server] as number) + done;
  }
}
