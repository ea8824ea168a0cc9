import { expect, test } from "vitest";
import { withToken } from "./with-token.ts";

const fingerprint = "f".repeat(43);
const whole = `secret.${fingerprint}`;

test.each([
  [whole, whole, `PARTITA_TOKEN=….${fingerprint} partita status`],
  [whole, "secret", `PARTITA_TOKEN=….${fingerprint} partita status`],
  [whole, ` ${whole}\n`, `PARTITA_TOKEN=….${fingerprint} partita status`],
  ["secret", whole, "PARTITA_TOKEN=… partita status"],
  [whole, "another", `partita status --token ${whole}`],
  [whole, undefined, `partita status --token ${whole}`],
  ["secret", "no.token.at all", "partita status --token secret"],
])(
  "of %j nothing is written that the environment, %j, keeps to itself",
  (token, environment, said) => {
    expect(withToken("status", token, { program: "partita", token: environment })).toBe(said);
  },
);
