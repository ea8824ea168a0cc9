import { expect, test } from "vitest";
import { parseNatsUrl, publicUrl } from "./nats-url.ts";

test("reads a host alone, and everything that there may be", () => {
  expect(parseNatsUrl("nats://10.0.0.9")).toEqual({
    servers: ["10.0.0.9:4222"],
    tls: false,
    user: null,
    password: null,
    cluster: "default",
    replicas: 1,
  });
  expect(parseNatsUrl("tls://me:s3%20cret%40@a.example:1,[::1]:2/home?replicas=3")).toEqual({
    servers: ["a.example:1", "[::1]:2"],
    tls: true,
    user: "me",
    password: "s3 cret@",
    cluster: "home",
    replicas: 3,
  });
});

test("shows no user and no password", () => {
  const place = parseNatsUrl("tls://me:secret@a.example/home?replicas=3");
  expect(publicUrl(place)).toBe("tls://a.example:4222/home?replicas=3");
});

test.each([
  "10.0.0.9",
  "http://10.0.0.9",
  "nats://",
  "nats://a b",
  "nats://h:port",
  "nats://h/with.dot",
  "nats://h?replicas=2",
  "nats://me:secret%zz@h",
  "nats://me:p@secret@h",
  "nats://me:p/secret@h",
  "nats://me:p@secret/word@h",
  "nats://me:secret@",
  "nats://me:secret@/home",
  "nats://me:secret",
  "nats://secret:70000",
  "nats://me:p/se.secret",
])("refuses %s without repeating a password", (text) => {
  expect(() => parseNatsUrl(text)).toThrow(
    expect.objectContaining({
      code: "USAGE_INVALID",
      message: expect.not.stringContaining("secret"),
    }),
  );
});
