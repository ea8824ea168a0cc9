import { expect, test } from "vitest";
import { profileInChild } from "../../src/cli/profile-child.ts";

const order = { kind: "pi", level: "extended", threads: 1, shapes: {}, codecs: false } as const;

test("a model that cannot be measured fails with what the process said", async () => {
  const noModel = new Uint8Array(new TextEncoder().encode("this is no model"));
  await expect(profileInChild(noModel, order, new AbortController().signal)).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
    message: expect.stringMatching(/exit code 65.*ONNX/s),
  });
});

test("measuring that is given up ends with the reason", async () => {
  const giveUp = new AbortController();
  const measuring = profileInChild(new Uint8Array(2 ** 24), order, giveUp.signal);
  giveUp.abort(new Error("it takes too long"));
  await expect(measuring).rejects.toThrow("it takes too long");
  await expect(profileInChild(new Uint8Array(1), order, giveUp.signal)).rejects.toThrow();
});
