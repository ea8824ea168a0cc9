/**
 * Frames over TCP. An address is `host:port`, `[::1]:port` for IPv6; port 0 listens at any that is
 * free.
 *
 * @module
 */
import { connect } from "node:net";
import { nameTerms, TcpChannel } from "./tcp-channel.node.ts";
import { listenTcp, parseAddress } from "./tcp-listener.node.ts";
import { defaultLimits, type Transport } from "./transport.ts";

export const tcpTransport: Transport = {
  name: "tcp",
  connect: async (address, options = {}) => {
    options.signal?.throwIfAborted();
    const destination = parseAddress(address);
    const channel = new TcpChannel(address, options.limits ?? defaultLimits, (onread) =>
      connect({ ...destination, ...nameTerms, onread }),
    );
    await channel.opened("connect", options.signal);
    return channel;
  },
  listen: (address, limits = defaultLimits) =>
    listenTcp(address, (socket, peer) => new TcpChannel(peer, limits, socket)),
};
