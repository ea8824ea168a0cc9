import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { requireOnlyClosed } from "./refused-channels.ts";

const closed = new CodedError("CHANNEL_CLOSED", "'shed' does not answer");
const refused = new CodedError("IDENTITY_REFUSED", "'cloud' is another one", { device: "cloud" });

function thrownFor(...failures: readonly unknown[]): unknown {
  try {
    requireOnlyClosed(failures);
  } catch (error) {
    return error;
  }
  return null;
}

test("channels that are only closed are waited for", () => {
  expect(thrownFor()).toBeNull();
  expect(thrownFor(closed, closed)).toBeNull();
});

test("of several that failed each is told, under the code of one that waiting does not mend", () => {
  const also = new CodedError("USAGE_INVALID", "'attic' has another name");
  expect(thrownFor(closed, refused, also)).toMatchObject({
    code: "IDENTITY_REFUSED",
    details: { device: "cloud" },
    message: "'cloud' is another one; and 'shed' does not answer; and 'attic' has another name",
  });
});

test("one alone stays as it is, and what has no code is told as a bug", () => {
  expect(thrownFor(refused)).toMatchObject({ code: "IDENTITY_REFUSED", message: refused.message });
  expect(thrownFor(new Error("oops"), closed)).toMatchObject({
    code: "RUNTIME_FAILED",
    message: "unexpected: oops; and 'shed' does not answer",
  });
});
