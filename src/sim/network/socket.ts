import { CodedError } from "../../base/errors.ts";
import { FrameIntake } from "../../transport/frame-intake.ts";
import { defaultInboxLimits } from "../../transport/inbox.ts";
import type { Channel, Frame, FrameLimits } from "../../transport/transport.ts";
import type { Machine } from "./machine.ts";
import type { Shuffle } from "./shuffle.ts";
import type { Wire } from "./wire.ts";

/** What TCP and IP put in front of each frame. */
const overheadBytes = 40;

/** Bytes that may be on their way, or wait for a program that is stopped, before a sender waits. */
const windowBytes = 1 << 20;

export interface SocketOptions {
  readonly peer: string;
  readonly limits: FrameLimits;
  readonly machine: Machine;
  /** To the other side. */
  readonly wire: Wire;
  /** Of the frames that arrive here. */
  readonly shuffle: Shuffle;
  /** Told of each frame that is sent. */
  readonly onSend: (socket: Socket, header: Frame["header"]) => void;
}

/** One side of a channel through the network. */
export class Socket implements Channel {
  readonly peer: string;
  readonly identity = null;
  readonly machine: Machine;
  readonly #wire: Wire;
  readonly #shuffle: Shuffle;
  readonly #intake: FrameIntake;
  readonly #onSend: SocketOptions["onSend"];
  #other: Socket | null = null;
  #opening: Frame["header"] | null = null;
  #onWay = 0;
  #blocked: (() => void)[] = [];
  /** Whether the other side has sent something that nobody here could hear. */
  #owesReset = false;

  constructor({ peer, limits, machine, wire, shuffle, onSend }: SocketOptions) {
    this.peer = peer;
    this.#onSend = onSend;
    this.machine = machine;
    this.#wire = wire;
    this.#shuffle = shuffle;
    const onRoom = () => this.#other?.wake();
    this.#intake = new FrameIntake({ peer, limits, queue: defaultInboxLimits, onRoom });
    machine.sockets.add(this);
  }

  get ended(): Promise<CodedError | null> {
    return this.#intake.ended;
  }

  /** Makes two sockets the two sides of one channel. */
  join(other: Socket): void {
    this.#other = other;
    other.#other = this;
  }

  get other(): Socket | null {
    return this.#other;
  }

  /** What whoever dialled has said first, but for pings; `null`: nothing yet. */
  get opening(): Frame["header"] | null {
    return this.#opening;
  }

  async send(frame: Frame): Promise<void> {
    const other = this.#other;
    if (this.#intake.closed !== null) throw this.#intake.closed;
    if (other === null) throw new CodedError("CHANNEL_CLOSED", `${this.peer} was never joined`);
    this.#note(other, frame.header);
    const header = this.#intake.header(frame);
    const payload = frame.payload.slice();
    const bytes = header.byteLength + payload.byteLength;
    this.#onWay += bytes;
    this.#wire.carry(bytes + overheadBytes, () => {
      other.#arrive(() => {
        other.#shuffle.take(frame.header, () =>
          other.machine.dispatch(() => other.#receive(header, payload)),
        );
        // The kernel of a program that is stopped keeps no more for it than this.
        other.machine.dispatch(() => {
          this.#onWay -= bytes;
          this.wake();
        });
      });
    });
    while (this.#intake.closed === null && (this.#onWay >= windowBytes || other.#intake.full)) {
      await new Promise<void>((wake) => this.#blocked.push(wake));
    }
  }

  setLimits(limits: FrameLimits): void {
    this.#intake.limits = limits;
  }

  async close(): Promise<void> {
    if (this.#intake.closed !== null) return;
    this.#tell((other) => {
      other.#shuffle.flush();
      other.machine.dispatch(() => other.#end(null, "the other side closed it"));
    });
    this.#end(null, "it was closed on this side");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    return this.#intake[Symbol.asyncIterator]();
  }

  /** Tells the other side, behind what was sent, that this one has gone without closing. */
  reset(why: string): void {
    this.#tell((other) => other.fail(why));
  }

  /** Ends this side in disorder, behind what has arrived. */
  fail(why: string): void {
    this.#shuffle.flush();
    const error = new CodedError("CHANNEL_CLOSED", why, { peer: this.peer });
    this.machine.dispatch(() => this.#end(error, why));
  }

  /** The host of a program that died is up again: whoever still speaks to it learns that. */
  disown(): void {
    if (this.#owesReset) this.reset(`${this.machine.host} started again`);
  }

  /** Lets whoever waits for room look again. */
  wake(): void {
    if (this.#blocked.length === 0) return;
    const blocked = this.#blocked.splice(0);
    this.machine.dispatch(() => {
      for (const wake of blocked) wake();
    });
  }

  #note(other: Socket, header: Frame["header"]): void {
    this.#onSend(this, header);
    if (this.#opening !== null || header.type === "ping" || header.type === "pong") return;
    this.#opening = header;
    other.#opening = header;
  }

  #tell(hear: (other: Socket) => void): void {
    const other = this.#other;
    if (other !== null) this.#wire.carry(overheadBytes, () => other.#arrive(() => hear(other)));
  }

  /** Something has come to this host; a program that died can hear nothing. */
  #arrive(act: () => void): void {
    if (!this.machine.dead) act();
    else if (this.machine.answers) this.reset(`the program at ${this.machine.host} is gone`);
    else this.#owesReset = true;
  }

  #receive(header: Uint8Array, payload: Uint8Array): void {
    if (this.#intake.closed !== null) return;
    const why = this.#intake.take(header, payload);
    if (why === null) return;
    this.reset(`the receiver gave up: ${why.message}`);
    this.#end(why, why.message);
  }

  #end(error: CodedError | null, why: string): void {
    if (!this.#intake.end(error, why)) return;
    this.machine.sockets.delete(this);
    this.wake();
  }
}
