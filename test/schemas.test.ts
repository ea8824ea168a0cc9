import { expect, test } from "vitest";
import { z } from "zod";
import { manifestSchema } from "../src/cli/manifest.ts";
import { preprocessingSchema } from "../src/cli/tensors/preprocessing.ts";
import { eventSchema, statusSchema } from "../src/cluster/watch-schema.ts";
import { profileSchema } from "../src/cost/profile.ts";
import { topologySchema } from "../src/cost/topology-file.ts";
import { envelopeSchema } from "../src/plan/envelope/file.ts";
import { frontSchema } from "../src/plan/pareto.ts";
import { planSchema } from "../src/plan/plan.ts";
import { problemSchema } from "../src/plan/problem-file.ts";

/** What editors complete from; `npx vitest run test/schemas.test.ts --update` writes them anew. */
test.each([
  ["profile", profileSchema],
  ["topology", topologySchema],
  ["plan", planSchema],
  ["problem", problemSchema],
  ["envelope", envelopeSchema],
  ["pareto", frontSchema],
  ["parts", manifestSchema],
  ["preprocessing", preprocessingSchema],
  ["status", statusSchema],
  ["event", eventSchema],
])("the published JSON Schema of %s is the one that is checked", async (name, schema) => {
  const published = z.toJSONSchema(schema, { io: "input" });
  await expect(`${JSON.stringify(published, null, 2)}\n`).toMatchFileSnapshot(
    `../docs/reference/schemas/${name}.schema.json`,
  );
});
