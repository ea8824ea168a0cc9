import { expect, test } from "vitest";
import { codeOf } from "../../test/fixtures/code-of.ts";
import type { Deploy } from "./control-message.ts";
import { Sources } from "./sources.ts";

const settled = { type: "settled", below: 2, open: [] } as const;

/** What of it tells who the source is. */
const deployedBy = (source: string) =>
  ({
    source,
    peers: [{ device: source, addresses: [`at ${source}`] }],
  }) as unknown as Deploy["body"];

test("a source is obeyed while a generation of it is here, passed over afterwards, and a stranger refused", () => {
  const current = new Set<string>();
  const sources = new Sources(() => current);
  expect(sources.admits("camera", settled)).toBe(false);
  sources.know(deployedBy("camera"));
  current.add("camera");
  expect(sources.admits("camera", settled)).toBe(true);
  expect(codeOf(() => sources.admits("mallory", settled))).toBe("FRAME_MALFORMED");
  current.delete("camera");
  expect(sources.admits("camera", settled)).toBe(false);
  expect(codeOf(() => sources.admits("mallory", settled))).toBe("FRAME_MALFORMED");
  // Programs are still told where it was.
  expect(sources.addresses).toEqual(["at camera"]);
});
