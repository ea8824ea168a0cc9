import type { Clock } from "../base/clock.ts";
import type { Channel, Frame } from "../transport/transport.ts";
import type { Join, Message } from "./message.ts";
import { Outbox } from "./outbox.ts";
import { encodeMessage } from "./protocol.ts";

/** Bytes of a blob that travel in one frame: small enough for other messages to get in between. */
const pieceBytes = 4 << 20;

/** The coordinator's side of one agent. */
export class AgentLink {
  readonly agent: Omit<Join, "type" | "protocol" | "token">;
  readonly #control: Outbox;
  readonly #clock: Clock;
  #data: Outbox | null = null;
  /** As its last heartbeat said. */
  requests = 0;
  peakRequests = 0;

  constructor(
    { name, runtime, cores, memoryBytes, address }: Join,
    control: Channel,
    clock: Clock,
  ) {
    this.agent = { name, runtime, cores, memoryBytes, address };
    this.#control = new Outbox(control, clock);
    this.#clock = clock;
  }

  get isAttached(): boolean {
    return this.#data !== null;
  }

  /** The agent has dialled its data channel. */
  attach(data: Channel): void {
    this.#data = new Outbox(data, this.#clock);
  }

  /** Tells the agent something. If it has gone, nothing: whoever reads its channel knows. */
  async tell(message: Message): Promise<void> {
    await this.#control.send(encodeMessage(message)).catch(() => undefined);
  }

  /** @throws FRAME_MALFORMED if the frame exceeds its limits; CHANNEL_CLOSED */
  async send(frame: Frame): Promise<void> {
    await this.#data?.send(frame);
  }

  /** Sends a blob in pieces. @throws CHANNEL_CLOSED */
  async sendBlob(sha256: string, bytes: Uint8Array): Promise<void> {
    let offset = 0;
    do {
      const piece = bytes.slice(offset, offset + pieceBytes) as Uint8Array<ArrayBuffer>;
      await this.#control.send(encodeMessage({ type: "blob", sha256, offset }, piece));
      offset += piece.byteLength;
    } while (offset < bytes.byteLength);
  }

  /** Tells the agent to end, and closes its channels. */
  async dismiss(reason: string): Promise<void> {
    await this.tell({ type: "shutdown", reason });
    await Promise.allSettled([this.#control.channel.close(), this.#data?.channel.close()]);
  }
}
