import { expect, test } from "vitest";
import { withToken } from "./with-token.ts";

test("a token from the environment is not written down", () => {
  const program = "partita";
  const shown = "partita status --to a:7000 --token s.f";
  expect(withToken("status --to a:7000", "s.f", { program, token: "s.f" })).toBe(
    "PARTITA_TOKEN=… partita status --to a:7000",
  );
  // Whoever is to join needs the fingerprint, too.
  expect(withToken("status --to a:7000", "s.f", { program, token: "s" })).toBe(shown);
  expect(withToken("status --to a:7000", "s.f", { program, token: undefined })).toBe(shown);
});
