import { expect, test } from "vitest";
import { CodedError, errorTraits, isCoded, messageOf } from "./errors.ts";

test("a coded error keeps its cause and crosses a wire as code, message and details", () => {
  const cause = new Error("disk on fire");
  const error = new CodedError("FILE_WRITE_FAILED", "cannot write", { path: "x" }, cause);
  expect(error.cause).toBe(cause);
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: "FILE_WRITE_FAILED",
    message: "cannot write",
    details: { path: "x" },
  });
});

test("is recognised by its code, wherever its class comes from", () => {
  expect(isCoded(Object.assign(new Error("gone"), { code: "DEVICE_LOST" }))).toBe(true);
  expect(isCoded(Object.assign(new Error("gone"), { code: "ENOENT" }))).toBe(false);
  expect(isCoded({ code: "DEVICE_LOST" })).toBe(false);
});

test("says what was thrown, whatever it is", () => {
  expect(messageOf(new Error("gone"))).toBe("gone");
  expect(messageOf(42)).toBe("42");
});

test("lists its codes alphabetically and never exits with 0", () => {
  const codes = Object.keys(errorTraits);
  expect(codes).toEqual(codes.toSorted());
  for (const { exitCode, httpStatus } of Object.values(errorTraits)) {
    expect(exitCode).toBeGreaterThan(0);
    expect(httpStatus).toBeGreaterThanOrEqual(400);
  }
});
