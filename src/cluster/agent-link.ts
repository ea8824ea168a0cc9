import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { Channel, Frame } from "../transport/transport.ts";
import { pieceBytes } from "./blob-sender.ts";
import type { Heartbeat, Join } from "./control-message.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { Message } from "./message.ts";
import { encodeMessage } from "./protocol.ts";

/** One that is told to end, and does not even read, is left to itself after so long. */
const farewellSeconds = seconds(1);

interface QueuedBlob {
  readonly sha256: string;
  readonly bytes: Uint8Array;
  offset: number;
}

/** The coordinator's side of one agent. */
export class AgentLink {
  readonly agent: Omit<Join, "type" | "protocol" | "token" | "certificateRequest">;
  /** When it joined and was heard last, on the coordinator's clock. */
  heardAt: number;
  /** As its last heartbeat said. */
  requests = 0;
  peakRequests = 0;
  heldBytes = 0;
  pending: Heartbeat["pending"] = [];
  arriving: Heartbeat["arriving"] = [];
  readonly #channel: Channel;
  readonly #control: FrameQueue;
  readonly #clock: Clock;
  /** Parts that are waited for, and those that may be needed one day. */
  readonly #urgent: QueuedBlob[] = [];
  readonly #idle: QueuedBlob[] = [];
  readonly #over = new AbortController();
  #isSending = false;
  #isPinging = false;

  constructor(join: Join, control: Channel, clock: Clock) {
    const { type: _, protocol: _p, token: _t, certificateRequest: _c, ...agent } = join;
    this.agent = agent;
    this.#channel = control;
    this.#control = new FrameQueue(control);
    this.#clock = clock;
    this.heardAt = clock.now();
    void control.ended.then(() => this.#over.abort());
  }

  /** Aborted when the agent's channel has ended. */
  get ended(): AbortSignal {
    return this.#over.signal;
  }

  /** Tells the agent something. If it has gone, nothing: whoever reads its channel knows. */
  async tell(message: Message): Promise<void> {
    await this.send(encodeMessage(message));
  }

  /** As `tell`. */
  async send(frame: Frame): Promise<void> {
    await this.#control.send(frame).catch(() => undefined);
  }

  /** Lets the agent hear that somebody is here, unless the last time is still on its way. */
  ping(): void {
    if (this.#isPinging) return;
    this.#isPinging = true;
    void this.tell({ type: "ping" }).finally(() => {
      this.#isPinging = false;
    });
  }

  /**
   * Sends blobs in pieces, from their offsets on, one after the other: urgent ones before all others,
   * which get half of the time at most. One that is asked for again begins anew, and goes once.
   */
  queue(blobs: readonly QueuedBlob[], urgent: boolean): void {
    for (const blob of blobs) {
      const isUrgent = unqueue(this.#urgent, blob.sha256) || urgent;
      unqueue(this.#idle, blob.sha256);
      (isUrgent ? this.#urgent : this.#idle).push({ ...blob });
    }
    if (!this.#isSending) void this.#sendQueued();
  }

  /** Ends the channel, without a word: the agent may dial again. */
  async drop(): Promise<void> {
    this.#urgent.length = 0;
    this.#idle.length = 0;
    await this.#channel.close();
  }

  /** Tells the agent to end, unless it takes nothing any more, and closes its channel. */
  async dismiss(reason: string): Promise<void> {
    const told = new AbortController();
    const patience = this.#clock.sleep(farewellSeconds, told.signal).catch(() => undefined);
    await Promise.race([this.tell({ type: "shutdown", reason }), patience]);
    told.abort();
    await this.drop();
  }

  async #sendQueued(): Promise<void> {
    this.#isSending = true;
    try {
      for (;;) {
        const queue = this.#urgent.length > 0 ? this.#urgent : this.#idle;
        const [blob] = queue;
        if (blob === undefined) return;
        const start = this.#clock.now();
        await this.#sendPiece(blob);
        if (blob.offset >= blob.bytes.byteLength && queue[0] === blob) queue.shift();
        const pause = seconds(this.#clock.now() - start);
        if (queue === this.#idle && this.#urgent.length === 0 && pause > 0) {
          await this.#clock.sleep(pause);
        }
      }
    } catch {
      // The channel has ended: whoever reads it says so.
      this.#urgent.length = 0;
      this.#idle.length = 0;
    } finally {
      this.#isSending = false;
    }
  }

  async #sendPiece(blob: QueuedBlob): Promise<void> {
    const { sha256, bytes, offset } = blob;
    const piece = bytes.slice(offset, offset + pieceBytes) as Uint8Array<ArrayBuffer>;
    await this.#control.send(encodeMessage({ type: "blob", sha256, offset }, piece));
    // An empty blob is one empty piece.
    blob.offset = Math.max(offset + piece.byteLength, 1);
  }
}

/** @returns whether it was in the queue */
function unqueue(queue: QueuedBlob[], sha256: string): boolean {
  const position = queue.findIndex((blob) => blob.sha256 === sha256);
  if (position === -1) return false;
  queue.splice(position, 1);
  return true;
}
