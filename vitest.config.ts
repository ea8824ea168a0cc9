import { defineConfig } from "vitest/config";

const report = process.env["PARTITA_TEST_REPORT"];

/** Folders whose tests neither start processes nor keep anything: they can share what they import. */
const pure = ["base", "codec", "compare", "control", "cost", "graph", "onnx", "plan", "sim"].map(
  (folder) => `src/${folder}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: report === undefined ? ["default"] : ["default", "json"],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
    projects: [
      { extends: true, test: { name: "pure", include: pure, isolate: false } },
      {
        extends: true,
        test: { name: "rest", include: ["src/**/*.test.ts", "test/**/*.test.ts"], exclude: pure },
      },
    ],
  },
});
