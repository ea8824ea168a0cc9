import fc from "fast-check";
import { expect, test } from "vitest";
import { answerKey, consumerName, namesOf, requestSubject, wordOf } from "./names.ts";

test("writes any text as one word of a subject, different ones differently", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
      expect(wordOf(one)).toMatch(/^[A-Za-z0-9_=-]+$/);
      expect(wordOf(one) === wordOf(other)).toBe(one === other);
    }),
  );
});

test("leaves a plain name as it is", () => {
  expect(requestSubject("home", "mobilenet_v2-7")).toBe("partita.home.requests.mobilenet_v2-7");
  expect(answerKey("resnet", "a.b")).toBe("resnet.=612e62");
  expect(consumerName("a.b")).toBe("bridge-_612e62");
  expect(namesOf("home").requestSubjects).toBe("partita.home.requests.*");
});
