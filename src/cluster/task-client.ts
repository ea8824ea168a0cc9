import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import { sendBlob } from "./blob-sender.ts";
import { type BlobStore, memoryBlobStore } from "./blob-store.ts";
import type { Probed } from "./control-message.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import { watchLiveness } from "./liveness.ts";
import type { ProfileOrder } from "./program-message.ts";
import {
  decodeMessage,
  encodeMessage,
  fromWire,
  malformed,
  type Received,
  receive,
} from "./protocol.ts";

export interface EnquiryOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Of the coordinator. */
  readonly address: string;
  readonly token: string;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

export interface RemoteProfileOptions extends EnquiryOptions {
  readonly device: string;
  /** Called with the bytes of the model that were sent, and while the device measures. */
  readonly onProgress?: (progress: {
    readonly sentBytes: number;
    readonly seconds: number;
  }) => void;
}

/** More than the coordinator waits for a device that measures its link. */
const answerSeconds = seconds(40);
/** A device that works says so each second; one that is silent for so long is lost. */
const liveness = { heartbeatSeconds: 3, missedHeartbeats: 10 };

/**
 * Has a device measure its link to another one, with so many bytes. The answer tells why it could
 * not, if so.
 *
 * @throws CHANNEL_CLOSED if the coordinator does not answer; TOKEN_REFUSED; DEVICE_LOST if a device is
 * away; the signal's reason
 */
export async function surveyLink(
  options: EnquiryOptions,
  from: string,
  to: string,
  bytes: number,
): Promise<Probed> {
  const { transport, clock, address, signal } = options;
  const channel = await transport.connect(address, { signal });
  const leave = closing(channel, signal);
  try {
    const survey = { type: "survey", ...greet(options), from, to, bytes } as const;
    await channel.send(encodeMessage(survey));
    return await answerTo(channel, clock);
  } finally {
    await leave();
  }
}

/** @throws what the coordinator refuses with; CHANNEL_CLOSED if it does not answer */
async function answerTo(channel: Channel, clock: Clock): Promise<Probed> {
  const done = new AbortController();
  const expired = clock.sleep(answerSeconds, done.signal).then(
    () => null,
    () => null,
  );
  const reply = await Promise.race([receive(channel), expired]).finally(() => done.abort());
  if (reply?.message.type === "probed") return reply.message;
  if (reply?.message.type === "refused") throw fromWire(reply.message.error);
  throw new CodedError("CHANNEL_CLOSED", `${channel.peer} has not said how the link is`);
}

/**
 * Has a device measure a model, and returns the profile as JSON, unchecked.
 *
 * @throws DEVICE_LOST if the device is away; DEVICE_BUSY, PART_REFUSED, REQUEST_DEADLINE_EXCEEDED as it
 * refuses or gives up; RUNTIME_FAILED if measuring failed; CHANNEL_CLOSED, TOKEN_REFUSED; the
 * signal's reason
 */
export async function profileOnDevice(
  options: RemoteProfileOptions,
  model: Uint8Array,
  order: Omit<ProfileOrder, "type" | "model">,
): Promise<Uint8Array<ArrayBuffer>> {
  const { transport, clock, address, device, signal } = options;
  const channel = await transport.connect(address, { signal });
  const leave = closing(channel, signal);
  const done = new AbortController();
  try {
    const task = { type: "task", ...greet(options), device } as const;
    await introduce(channel, clock, task, "taken");
    const visit = new Visit(options, channel, model);
    const silence = new Promise<never>((_, reject) => {
      void watchLiveness(
        {
          clock,
          liveness: () => liveness,
          heard: () => visit.frames,
          onBeat: () => undefined,
          onSilent: (silent) => reject(closed(device, `was silent for ${silent.toFixed(0)} s`)),
        },
        done.signal,
      );
    });
    return await Promise.race([visit.run(order), silence]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    done.abort();
    await leave();
  }
}

/** One order, from its model to its profile. */
class Visit {
  frames = 0;
  readonly #options: RemoteProfileOptions;
  readonly #channel: Channel;
  readonly #model: Uint8Array;
  readonly #store: BlobStore = memoryBlobStore();
  #sentBytes = 0;
  #profile: { readonly sha256: string; readonly bytes: number } | null = null;

  constructor(options: RemoteProfileOptions, channel: Channel, model: Uint8Array) {
    this.#options = options;
    this.#channel = channel;
    this.#model = model;
  }

  async run(order: Omit<ProfileOrder, "type" | "model">): Promise<Uint8Array<ArrayBuffer>> {
    const reference = { sha256: bytesToHex(sha256(this.#model)), bytes: this.#model.byteLength };
    await this.#channel.send(encodeMessage({ type: "profile", ...order, model: reference }));
    for await (const frame of this.#channel) {
      this.frames++;
      const profile = await this.#take(decodeMessage(frame));
      if (profile !== null) return profile;
    }
    throw closed(this.#options.device, "has gone");
  }

  /** @returns the profile when it is complete */
  async #take({ message, payload }: Received): Promise<Uint8Array<ArrayBuffer> | null> {
    switch (message.type) {
      case "want":
        for (const { sha256: name, offset } of message.body.blobs) void this.#send(name, offset);
        return null;
      case "working":
        this.#options.onProgress?.({ sentBytes: this.#sentBytes, seconds: message.seconds });
        return null;
      case "profiled":
        this.#profile = message.profile;
        return null;
      case "blob": {
        if (this.#profile === null) throw malformed("a blob", "nothing has announced it");
        const { sha256: name, bytes } = this.#profile;
        if (!(await this.#store.write(name, bytes, message.offset, payload))) return null;
        return await this.#store.read(name);
      }
      case "refused":
        throw fromWire(message.error);
      default:
        throw malformed(`a message '${message.type}'`, "a device does not send it here");
    }
  }

  async #send(name: string, offset: number): Promise<void> {
    this.#sentBytes = offset;
    const onSent = (bytes: number) => {
      this.#sentBytes = bytes;
    };
    // If the channel has ended, whoever reads it knows.
    await sendBlob(this.#channel, name, this.#model, offset, onSent).catch(() => undefined);
  }
}

/** Closes the channel when the signal is aborted. @returns what closes it at the end */
function closing(channel: Channel, signal: AbortSignal): () => Promise<void> {
  const end = () => void channel.close();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return async () => {
    signal.removeEventListener("abort", end);
    await channel.close();
  };
}

function closed(device: string, what: string): CodedError {
  return new CodedError("CHANNEL_CLOSED", `device '${device}' ${what}`, { device });
}
