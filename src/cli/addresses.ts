/**
 * Where a process of this machine can be dialled from others.
 *
 * @module
 */
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { formatAddress, parseAddress } from "../transport/tcp-listener.node.ts";
import { isLoopback } from "./security.ts";

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The addresses that whoever listens at one can be dialled at: of every interface if it listens at
 * all of them, those of this machine alone last. Link-local ones of IPv6 mean nothing elsewhere.
 *
 * @param listening `host:port`, with the port that was really taken
 */
export function dialableAddresses(
  listening: string,
  interfaces: Interfaces = networkInterfaces(),
): string[] {
  const { host, port } = parseAddress(listening);
  if (!isEverywhere(host)) return [listening];
  const found = Object.values(interfaces)
    .flatMap((all) => all ?? [])
    .filter(({ family }) => host === "::" || family === "IPv4")
    .filter(({ address }) => !address.startsWith("fe80:"))
    .toSorted((one, other) => Number(one.internal) - Number(other.internal));
  const addresses = found.map(({ address }) => formatAddress(address, port));
  return addresses.length === 0 ? [formatAddress("127.0.0.1", port)] : addresses;
}

/** Those that other machines can dial; where there is none, those of this machine. */
export function remoteAddresses(listening: string): string[] {
  const all = dialableAddresses(listening);
  const remote = all.filter((address) => !isLoopback(address));
  return remote.length === 0 ? all : remote;
}

/** The addresses that a user names for one coordinator: one, or several separated by commas. */
export function addressesIn(words: string): string[] {
  return words.split(",").map((word) => word.trim());
}

/** Where a process on this machine dials whoever listens at an address. */
export function localAddress(listening: string): string {
  const { host, port } = parseAddress(listening);
  return isEverywhere(host) ? formatAddress(host === "::" ? "::1" : "127.0.0.1", port) : listening;
}

/** Whether a host stands for every interface of the machine. */
function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
