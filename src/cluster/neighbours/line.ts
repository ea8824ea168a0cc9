import { CodedError, isCoded } from "../../base/errors.ts";
import { type Channel, defaultLimits, type Frame } from "../../transport/transport.ts";
import type { Attach, Standing } from "../data-message.ts";
import { refuse } from "../handshake.ts";
import { encodeMessage } from "../protocol.ts";
import { attach, receiveAttach } from "./attach.ts";
import { isCrossing } from "./crossing.ts";
import { openDirect } from "./direct.ts";
import { improveSeconds, lostLimitBytes, patience, pauses } from "./line-limits.ts";
import type { LineOptions } from "./line-options.ts";
import { Link } from "./link.ts";
import { limitTime, WaitingRoom } from "./patience.ts";
import { type Probed, probeLink, untilIdle } from "./probe.ts";
import type { Traffic } from "./traffic.ts";
import { openTunnel } from "./tunnel.ts";
import { Turns } from "./turns.ts";

/** One kind of channel between this device and another: at most one stands, whoever dialled it. */
export class Line {
  readonly #options: LineOptions;
  readonly #traffic: Traffic;
  readonly #over = new AbortController();
  readonly #waiting: WaitingRoom;
  #link: Link | null = null;
  readonly #turns = new Turns();
  #attempt: AbortController | null = null;
  #round: Promise<void> | null = null;
  #tunnelling = false;
  #recovering = false;
  /** `false`: not any more; `null`: nobody here has said, so that it is the other side's to end it. */
  #wanted: boolean | null = null;
  /** Measurements that need it, too. */
  #probing = 0;
  #hasStood = false;
  #lost = false;
  #failure: unknown = null;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#traffic = options.traffic;
    this.#waiting = new WaitingRoom(options.clock);
  }

  get stands(): boolean {
    return this.#link !== null;
  }

  get arriving(): Link["arriving"] {
    return this.#link?.arriving ?? null;
  }

  get isTunnelled(): boolean {
    return this.#link?.isTunnelled ?? false;
  }

  /** @throws CHANNEL_CLOSED if nothing can be sent, nor is likely to be soon */
  requireOpen(): void {
    const isHopeless = this.#lost && this.#traffic.outbox.bytes > lostLimitBytes;
    if (this.#hasStood && !isHopeless && !this.#over.signal.aborted) return;
    throw this.#closed("there is no channel");
  }

  /**
   * Opens the line by whichever way there is, and keeps it open from then on.
   *
   * @throws CHANNEL_CLOSED after 5 s
   */
  async connect(): Promise<void> {
    if (this.#wanted === false) this.#link?.revive();
    this.#wanted = true;
    try {
      await this.#reach();
    } catch (error) {
      // It is tried on until it is dropped, or somebody can say that it stands.
      if (!this.stands && !this.#over.signal.aborted) this.#miss(error);
      void this.#recover(error);
      throw error;
    }
  }

  /**
   * Measures the link, which is opened for it if it does not stand.
   *
   * @throws CHANNEL_CLOSED if it cannot be opened, or breaks
   */
  async probe(bytes: number): Promise<Probed> {
    let link: Link | null = null;
    this.#probing++;
    try {
      await this.#reach();
      link = this.#link;
      if (link === null) throw this.#closed("it broke");
      return await probeLink(link, bytes);
    } finally {
      this.#probing--;
      this.#wanted ??= false;
      void this.#endIdle(link);
    }
  }

  async #reach(): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + patience.all;
    while (this.#link === null && clock.now() < end && !this.#over.signal.aborted) {
      const round = this.#tryAll();
      await Promise.race([round, this.#waiting.wait(end - clock.now())]);
      if (this.#link === null) await this.#waiting.wait(pauses.least);
    }
    if (this.#link === null) throw this.#closed("it could not be reached", this.#failure);
  }

  /** Takes an accepted channel, or says why not. */
  async accept(channel: Channel, { standing }: Attach, isTunnelled: boolean): Promise<void> {
    const refusal = this.#refusalOf(standing);
    if (refusal !== null) {
      await refuse(channel, refusal);
      return;
    }
    const { turn } = standing;
    this.#turns.take(turn);
    this.#attempt?.abort(this.#closed("the other side has dialled"));
    const old = this.#mute();
    this.#traffic.meet(standing);
    void old?.close();
    try {
      await channel.send(
        encodeMessage({ type: "attached", standing: this.#traffic.standing(turn) }),
      );
    } catch (error) {
      if (this.#turns.taken === turn && this.#link === null) void this.#recover(error);
      return;
    }
    if (this.#turns.taken !== turn || this.#over.signal.aborted) await channel.close();
    else this.#open(channel, isTunnelled, standing);
  }

  /** The other side cannot dial this one, and asks to be dialled. */
  async dialBack(tunnel: boolean): Promise<void> {
    if (this.#over.signal.aborted) return;
    await (tunnel ? this.#tunnel() : this.#dial());
  }

  /**
   * It is not needed any more: it ends some time later, since plans go to and fro, and opening one
   * takes long where a link is slow. A lost one goes on until the other side is reached, to say so.
   */
  drop(): void {
    if (this.#wanted) this.#link?.use();
    this.#wanted = false;
    if (this.#lost) this.#traffic.close();
    else void this.#endIdle(this.#link);
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#end();
    await link?.close();
  }

  async #endIdle(link: Link | null): Promise<void> {
    const { clock, liveness } = this.#options;
    const isOver = await untilIdle(link, clock, liveness().heartbeatSeconds);
    if (isOver && !this.#wanted && this.#probing === 0 && this.#link === link) this.#end();
  }

  #end(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(this.#closed("it was given up"));
    this.#attempt?.abort(this.#over.signal.reason);
    void this.#mute()?.close();
    this.#traffic.close();
    this.#waiting.release();
    this.#options.onGone();
  }

  #refusalOf(standing: Standing): CodedError | null {
    const { own, device } = this.#options;
    if (this.#over.signal.aborted) return this.#closed("it was given up");
    const { highest: turn, taken, offered } = this.#turns;
    if (this.#traffic.isContinued(standing) && standing.turn <= taken) {
      return this.#closed("a later channel stands", null, { turn });
    }
    // Both sides have dialled at once: what the first of the two by name dials is kept.
    if (offered === null || own > device) return null;
    return this.#closed("a channel that was dialled from here comes first", null, { turn });
  }

  /** Every way once, one after the other; one round at a time. */
  #tryAll(): Promise<void> {
    this.#round ??= this.#tryEach().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  async #tryEach(): Promise<void> {
    await this.#dial();
    if (this.stands || this.#over.signal.aborted) return;
    this.#options.askDialBack();
    if (await this.#waiting.wait(patience.dialledBack)) return;
    if (!this.stands && !this.#over.signal.aborted) await this.#tunnel();
  }

  async #dial(): Promise<void> {
    const { clock, addresses } = this.#options;
    if (this.#attempt !== null || addresses().length === 0) return;
    const limit = limitTime(clock, patience.direct);
    this.#attempt = limit.controller;
    this.#failure = null;
    const { signal } = limit.controller;
    try {
      await this.#attach(await openDirect(this.#options, signal), false, signal);
    } catch (error) {
      this.#failure = error;
    } finally {
      limit.end();
      this.#attempt = null;
    }
    if (!this.stands && isCrossing(this.#failure)) await this.#waiting.wait(patience.crossing);
  }

  async #tunnel(): Promise<void> {
    if (this.#tunnelling) return;
    this.#tunnelling = true;
    const { clock, own, device } = this.#options;
    const limit = limitTime(clock, patience.tunnel);
    const { signal } = limit.controller;
    try {
      const channel = await openTunnel(this.#options, signal);
      if (own < device) await this.#attach(channel, true, signal);
      else await this.accept(channel, await receiveAttach(channel, this.#options), true);
    } catch (error) {
      this.#failure = error;
    } finally {
      limit.end();
      this.#tunnelling = false;
    }
  }

  /** Says on a new channel who is here; from then on nothing that the old one brings is heard. */
  async #attach(channel: Channel, isTunnelled: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#over.signal.aborted) {
      void channel.close();
      throw this.#closed("it came too late");
    }
    const turn = this.#turns.offer(() => this.#traffic.renew());
    const old = this.#mute();
    const onAbort = () => void channel.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const standing = await attach(channel, this.#options, this.#traffic.standing(turn));
      if (this.#turns.offered !== turn || this.#over.signal.aborted)
        throw this.#closed("the other side has dialled");
      this.#turns.taken = turn;
      this.#traffic.meet(standing);
      this.#open(channel, isTunnelled, standing);
    } catch (error) {
      void channel.close();
      if (isCoded(error)) this.#turns.learn(error.details["turn"]);
      if (old !== null && !this.stands) void this.#recover(error);
      throw error;
    } finally {
      if (this.#turns.offered === turn) this.#turns.offered = null;
      signal.removeEventListener("abort", onAbort);
      void old?.close();
    }
  }

  #open(channel: Channel, isTunnelled: boolean, standing: Standing): void {
    const { clock, liveness, carry } = this.#options;
    channel.setLimits(defaultLimits);
    const carrier = carry(channel);
    const link: Link = new Link({
      channel,
      clock,
      isTunnelled,
      carrier,
      liveness,
      onFrame: (frame) => this.#hear(link, frame),
      onBeat: () => this.#tellNews(link),
      onEnd: (error, isOrderly) => this.#lose(link, error, isOrderly),
    });
    this.#link = link;
    this.#hasStood = true;
    try {
      this.#traffic.open(carrier, standing);
    } catch (error) {
      // What was said may never have come: whoever counts on it must be told.
      this.#miss(error);
      this.#lose(link, error, false);
      void link.close();
      return;
    }
    link.start();
    this.#waiting.release();
    if (this.#lost) {
      this.#lost = false;
      this.#options.onReached();
      if (!this.#wanted) this.#end();
    }
    if (isTunnelled) void this.#improve(link);
    if (this.#wanted === false) void this.#endIdle(link);
  }

  #hear(link: Link, frame: Frame): void {
    if (this.#traffic.receive(frame)) this.#tellNews(link);
  }

  #tellNews(link: Link): void {
    const news = this.#traffic.takeNews();
    if (news !== null) link.tell(news);
  }

  /** The link that stands does so no more, although its channel may. */
  #mute(): Link | null {
    const link = this.#link;
    link?.mute();
    this.#link = null;
    this.#traffic.outbox.pause();
    return link;
  }

  #lose(link: Link, error: unknown, isOrderly: boolean): void {
    if (this.#link !== link) return;
    this.#mute();
    if (this.#over.signal.aborted) return;
    // The other side needs it no more, nor was it asked for here.
    if (isOrderly && !this.#wanted) this.#end();
    else void this.#recover(error, isOrderly && link.isRevived);
  }

  /** Redials once at once, then says that the device is lost, and goes on until it is reached. */
  async #recover(error: unknown, wasIdle = false): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    let pause = pauses.least;
    while (!this.stands && !this.#over.signal.aborted) {
      if (this.#lost) {
        const isOver = await this.#waiting.wait(pause);
        if (!isOver) await Promise.race([this.#tryAll(), this.#waiting.wait(patience.all)]);
        pause = Math.min(pauses.most, 2 * pause);
        continue;
      }
      if (this.#wanted) void this.#dial();
      else await this.#waiting.wait(patience.all);
      const beat = this.#options.liveness().heartbeatSeconds;
      if (this.#wanted) await this.#waiting.wait(beat);
      // Whoever has just ended it is there: dialling takes what it takes.
      while (wasIdle && this.#attempt !== null && !this.stands) await this.#waiting.wait(beat);
      if (this.stands || this.#over.signal.aborted) break;
      // Nobody here has ever missed it: it was for the other side to dial again.
      if (!this.#wanted) {
        this.#end();
        break;
      }
      this.#miss(error);
    }
    this.#recovering = false;
  }

  /** Whoever counts on it is told that it does not stand, once until it does. */
  #miss(error: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#options.onLost(error);
  }

  async #improve(link: Link): Promise<void> {
    while (this.#link === link) {
      await this.#waiting.wait(improveSeconds);
      if (this.#link === link) await this.#dial();
    }
  }

  #closed(why: string, cause: unknown = null, details: { turn?: number } = {}): CodedError {
    const { own, device, kind } = this.#options;
    return new CodedError(
      "CHANNEL_CLOSED",
      `the ${kind} channel between '${own}' and '${device}': ${why}`,
      { device, kind, ...details },
      cause ?? undefined,
    );
  }
}
