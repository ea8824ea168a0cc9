import { expect, test } from "vitest";
import { anonymous, type Channel } from "../transport/transport.ts";
import { checkCoordinator, checkDevice, KnownDevices } from "./identity.ts";

/** A channel that nothing is said on. */
function channelOf(identity: string | null): Channel {
  return {
    peer: "10.0.0.2:7001",
    identity,
    ended: Promise.resolve(null),
    send: () => Promise.resolve(),
    setLimits: () => undefined,
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: null }) }),
  };
}

test("a channel belongs to the device that its certificate names, or proves nothing", () => {
  expect(checkDevice("edge", channelOf("edge"))).toBeNull();
  expect(checkDevice("edge", channelOf(null))).toBeNull();
});

test("another device's certificate is refused, and both names and the address are said", () => {
  expect(checkDevice("edge", channelOf("camera"))).toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/10\.0\.0\.2:7001.*'edge'.*'camera'/),
  });
});

test("without a certificate nobody is a device where certificates are shown", () => {
  expect(checkDevice("edge", channelOf(anonymous))).toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringContaining("no device's certificate"),
  });
});

test("a device cannot stand in for the coordinator", () => {
  expect(checkCoordinator(channelOf(null))).toBeNull();
  expect(checkCoordinator(channelOf(anonymous))).toBeNull();
  expect(checkCoordinator(channelOf("edge"))).toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringContaining("'edge' answers at 10.0.0.2:7001"),
  });
});

test("a name keeps its key, wherever it joins from, until it is forgotten", () => {
  const known = new KnownDevices();
  const first = { keyFingerprint: "key1", address: "10.0.0.2:7001" };
  const moved = { keyFingerprint: "key1", address: "10.0.0.9:7001" };
  const other = { keyFingerprint: "key2", address: "10.0.0.3:7001" };
  expect(known.admit("edge", first)).toBeNull();
  expect(known.admit("edge", moved)).toBeNull();
  expect(known.admit("edge", other)).toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/10\.0\.0\.9:7001.*10\.0\.0\.3:7001.*--forget edge/s),
  });
  const restarted = new KnownDevices(JSON.parse(JSON.stringify(known)));
  expect(restarted.admit("edge", other)?.code).toBe("IDENTITY_REFUSED");
  expect(restarted.forget("edge")).toBe(true);
  expect(restarted.admit("edge", other)).toBeNull();
  expect(restarted.forget("nobody")).toBe(false);
});
