import type { Clock } from "../../base/clock.ts";
import type { Channel, Transport } from "../../transport/transport.ts";
import type { DataChannelKind } from "../data-message.ts";
import type { Liveness } from "../liveness.ts";
import type { Carrier } from "../outbox.ts";
import type { Traffic } from "./traffic.ts";

export interface LineOptions {
  readonly kind: DataChannelKind;
  /** This device, and the other one. */
  readonly own: string;
  readonly device: string;
  readonly token: string;
  /** Of several that the two devices run. Default: there is one. */
  readonly model?: string | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  /** For tunnels. */
  readonly coordinator: string;
  readonly traffic: Traffic;
  readonly addresses: () => readonly string[];
  readonly liveness: () => Liveness;
  readonly carry: (channel: Channel) => Carrier;
  readonly askDialBack: () => void;
  readonly onLost: (error: unknown) => void;
  readonly onReached: () => void;
  /** The line is not needed any more, and was given up. */
  readonly onGone: () => void;
}
