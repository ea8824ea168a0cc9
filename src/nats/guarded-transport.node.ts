import {
  type NatsConnection,
  NatsConnectionImpl,
  type NodeConnectionOptions,
  setTransportFactory,
} from "@nats-io/transport-node";
import { NodeTransport, nodeResolveHost } from "@nats-io/transport-node/lib/node_transport.js";

/**
 * The library's own way to a server, which writes nothing to a socket that has ended. The error of such
 * a write can come when the library no longer listens for it, and would end the process.
 */
export class GuardedTransport extends NodeTransport {
  override async _send(frame: Uint8Array): Promise<void> {
    if (this.socket?.writableEnded) return;
    await super._send(frame);
  }
}

/** As the library's `connect`, by guarded transports. */
export function connectGuarded(options: NodeConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({
    factory: () => new GuardedTransport(),
    dnsResolveFn: nodeResolveHost,
  });
  return NatsConnectionImpl.connect(options);
}
