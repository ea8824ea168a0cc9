import { expect, test } from "vitest";
import { errorTraits } from "../src/base/errors.ts";

test("the page of error codes says what the table says", async () => {
  const rows = Object.entries(errorTraits).map(
    ([code, { meaning, exitCode, httpStatus, grpcStatus, retryable }]) =>
      `| \`${code}\` | ${meaning} | ${exitCode} | ${httpStatus} | ${grpcStatus} | ${retryable ? "yes" : "no"} |`,
  );
  const page = [
    "# Error codes",
    "",
    "Generated from `src/base/errors.ts` by `npx vitest run test/errors-page.test.ts --update`; do not edit.",
    "",
    "An error is `{ code, message, details }`, on the wire too. Compare the code, never the message or the class.",
    "Exit codes follow sysexits(3). A retryable error may go away by itself: the same call can be made again.",
    "",
    "| code | meaning | exit code | HTTP status | gRPC status | retryable |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../docs/reference/errors.md");
});
