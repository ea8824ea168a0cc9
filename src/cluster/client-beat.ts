import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Channel } from "../transport/transport.ts";
import type { FrameQueue } from "./frame-queue.ts";
import { type Liveness, watchLiveness } from "./liveness.ts";
import { encodeMessage } from "./protocol.ts";

export interface ClientBeatOptions {
  readonly clock: Clock;
  readonly channel: Channel;
  readonly queue: FrameQueue;
  /** How many frames have come in. */
  readonly heard: () => number;
  /** The other side is lost, or what lies between. */
  readonly onSilent: (error: CodedError) => void;
}

/** As for devices, by default. */
const liveness: Liveness = { heartbeatSeconds: 0.5, missedHeartbeats: 10 };

/**
 * Watches a client's channel from either of its ends, until it is silent or the signal aborts: a link
 * that swallows everything ends nothing by itself. Each end says that it is there without being
 * asked: what it would be asked with may wait behind a large tensor.
 */
export async function beatClient(options: ClientBeatOptions, signal: AbortSignal): Promise<void> {
  const { clock, channel, queue, heard, onSilent } = options;
  let isSaying = false;
  const say = async (): Promise<void> => {
    if (isSaying) return;
    isSaying = true;
    // Whoever reads the channel sees its end.
    await queue.send(encodeMessage({ type: "ping" })).catch(() => undefined);
    isSaying = false;
  };
  await watchLiveness(
    {
      clock,
      liveness: () => liveness,
      heard: () => heard() + (channel.heardBytes ?? 0),
      onBeat: () => void say(),
      onSilent: (silentSeconds) => onSilent(silent(channel, silentSeconds)),
    },
    signal,
  );
}

function silent({ peer }: Channel, silentSeconds: number): CodedError {
  const message = `${peer} has said nothing for ${silentSeconds.toFixed(1)} s`;
  return new CodedError("CHANNEL_CLOSED", message, { peer, silentSeconds });
}
