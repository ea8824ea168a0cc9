import { PassThrough, Readable } from "node:stream";
import { expect, test } from "vitest";
import { demandToken, readLifeline, readToken } from "./token-option.ts";

const from = (text: string, token?: string) => ({ input: Readable.from([text]), token });

test("a token is the one given, else the environment's; - is the first line of standard input", async () => {
  expect(await readToken("given", from("", "environment"))).toBe("given");
  expect(await readToken(undefined, from("", "environment"))).toBe("environment");
  expect(await readToken("-", from("input\nmore\n", "environment"))).toBe("input");
  expect(await readToken(undefined, from(""))).toBeUndefined();
});

test("where it is needed and missing, all ways to give it are named", async () => {
  await expect(demandToken(undefined, from(""))).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringMatching(/--token.*PARTITA_TOKEN/),
  });
});

test("a lifeline is cut when standard input ends, and not before", async () => {
  const input = new PassThrough();
  input.write("secret\n");
  const { token, cut } = await readLifeline({ input });
  expect([token, cut.aborted]).toEqual(["secret", false]);
  const isCut = new Promise<void>((resolve) => cut.addEventListener("abort", () => resolve()));
  input.end();
  await isCut;
  expect(cut.aborted).toBe(true);
});
