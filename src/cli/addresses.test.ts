import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { dialableAddresses, localAddress, remoteAddresses } from "./addresses.ts";

const at = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(":") ? "IPv6" : "IPv4" }) as NetworkInterfaceInfo;

const machine = {
  lo: [at("127.0.0.1", true), at("::1", true)],
  eth0: [at("10.0.0.5"), at("fe80::1"), at("2001:db8::5")],
  wlan0: [at("192.168.1.10")],
};

test.each([
  ["0.0.0.0:7000", ["10.0.0.5:7000", "192.168.1.10:7000", "127.0.0.1:7000"]],
  [
    "[::]:7000",
    ["10.0.0.5:7000", "[2001:db8::5]:7000", "192.168.1.10:7000", "127.0.0.1:7000", "[::1]:7000"],
  ],
  ["10.0.0.5:7000", ["10.0.0.5:7000"]],
  ["127.0.0.2:7000", ["127.0.0.2:7000"]],
])("whoever listens at %s is dialled at %j", (listening, expected) => {
  expect(dialableAddresses(listening, machine)).toEqual(expected);
});

test("a machine without any network is dialled at its loopback", () => {
  expect(dialableAddresses("0.0.0.0:7000", {})).toEqual(["127.0.0.1:7000"]);
});

test("other machines are never sent to this machine's loopback, unless there is nothing else", () => {
  expect(remoteAddresses("127.0.0.1:7000")).toEqual(["127.0.0.1:7000"]);
  expect(remoteAddresses("10.0.0.5:7000")).toEqual(["10.0.0.5:7000"]);
});

test("a process of the same machine dials the loopback of what listens everywhere", () => {
  expect(localAddress("0.0.0.0:7000")).toBe("127.0.0.1:7000");
  expect(localAddress("[::]:7000")).toBe("[::1]:7000");
  expect(localAddress("10.0.0.5:7000")).toBe("10.0.0.5:7000");
});
