import fc from "fast-check";
import { expect, test } from "vitest";
import { formatToken, parseToken } from "./token.ts";

const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"];
const base64url = (length: number) =>
  fc
    .array(fc.constantFrom(...letters), { minLength: length, maxLength: length })
    .map((characters) => characters.join(""));

test("a token is read as it was printed, with white space around it or not", () => {
  const token = fc.record({ secret: base64url(24), fingerprint: fc.option(base64url(43)) });
  fc.assert(
    fc.property(token, fc.constantFrom("", " ", "\n"), (it, around) => {
      expect(parseToken(around + formatToken(it) + around)).toEqual(it);
    }),
  );
});

test.each([
  ["", "nothing in front of the dot"],
  [`.${"x".repeat(43)}`, "nothing in front of the dot"],
  ["two words", "visible ASCII"],
  ["größe", "visible ASCII"],
  ["x".repeat(257), "more than 256"],
  ["secret.", "are 0 characters"],
  [`secret.${"x".repeat(42)}`, "are 42 characters"],
  [`secret.${"x".repeat(42)}+`, "letters, digits"],
  ["a.b.c", "more than one dot"],
])("refuses %j, says why and does not repeat it", (text, why) => {
  const refuse = () => parseToken(text);
  expect(refuse).toThrow(expect.objectContaining({ code: "USAGE_INVALID" }));
  expect(refuse).toThrow(why);
  if (text !== "") expect(refuse).not.toThrow(text);
});
