import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import { findGathered, readDevices } from "./gathered.ts";

const measured = `
format: partita.topology/1
devices:
  - { name: camera, speed: 1 }
  - { name: cloud, speed: 2 }
links:
  - { between: [camera, cloud], bandwidth: 100 Mbit/s, latency: 1 ms }
source: camera
`;

test("names of devices stand between commas, each once", () => {
  expect(readDevices("camera, cloud")).toEqual(["camera", "cloud"]);
  for (const wrong of ["", "camera,", "camera,camera"]) {
    expect(() => readDevices(wrong)).toThrow("--devices");
  }
});

test("what was measured is used again for the same devices only, from the same source", async () => {
  const folder = temporaryFolder();
  expect(await findGathered(folder, ["camera", "cloud"])).toBeNull();
  const path = join(folder, "measured.topology.yaml");
  writeFileSync(path, measured);
  expect(await findGathered(folder, ["camera", "cloud"])).toEqual({ path, isNew: false });
  expect(await findGathered(folder, ["cloud", "camera"])).toBeNull();
  expect(await findGathered(folder, ["camera", "cloud", "gateway"])).toBeNull();
});
