import { defineConfig } from "vitest/config";

const report = process.env["PARTITA_TEST_REPORT"];

/** What measures the memory of its own process. */
const alone = [
  "src/base/discard.test.ts",
  "src/server/grpc/grpc-fuzz.test.ts",
  "test/e2e/http-hostile.test.ts",
  "test/sim/hostile.test.ts",
];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: report === undefined ? ["default"] : ["default", "json"],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
    projects: [
      { extends: true, test: { name: "alone", include: alone } },
      {
        extends: true,
        // Nothing in a module outlives a test, so that files can share what they import.
        test: {
          name: "shared",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: alone,
          isolate: false,
        },
      },
    ],
  },
});
