import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { diskBlobStore } from "./blob-store.node.ts";
import { type BlobStore, emptySha256, memoryBlobStore } from "./blob-store.ts";

const folder = mkdtempSync(join(tmpdir(), "partita-blob-store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let folders = 0;
const stores: Record<string, () => BlobStore> = {
  memory: memoryBlobStore,
  disk: () =>
    diskBlobStore({ folder: join(folder, `store-${folders++}`), limitBytes: Number.MAX_VALUE }),
};

const content = Uint8Array.from({ length: 1000 }, (_, at) => (at * 31) % 251);
const name = sha256Of(content);

describe.each(Object.entries(stores))("the store in %s", (_, create) => {
  test("gives back what came in one piece", async () => {
    const store = create();
    expect(await store.progress(name, 1000)).toBe(0);
    expect(await store.write(name, 1000, 0, content)).toBe(true);
    expect(await store.progress(name, 1000)).toBe(1000);
    expect(await store.read(name)).toEqual(content);
  });

  test("says how much is there without a gap, and joins pieces that came out of order", async () => {
    const store = create();
    expect(await store.write(name, 1000, 0, content.subarray(0, 100))).toBe(false);
    expect(await store.write(name, 1000, 600, content.subarray(600))).toBe(false);
    expect(await store.progress(name, 1000)).toBe(100);
    expect(await store.write(name, 1000, 50, content.subarray(50, 700))).toBe(true);
    expect(await store.read(name)).toEqual(content);
  });

  test("keeps what it was given, whatever becomes of the memory that it came in", async () => {
    const store = create();
    const late = content.slice(500);
    await store.write(name, 1000, 500, late);
    late.fill(0);
    expect(await store.write(name, 1000, 0, content.subarray(0, 500))).toBe(true);
    expect(await store.read(name)).toEqual(content);
  });

  test("takes pieces that come while others are taken, and again once all are there", async () => {
    const store = create();
    const starts = [700, 0, 300, 0];
    const taken = starts.map((start) =>
      store.write(name, 1000, start, content.subarray(start, start + 400)),
    );
    expect((await Promise.all(taken)).at(-1)).toBe(true);
    expect(await store.write(name, 1000, 300, content.subarray(300, 400))).toBe(true);
  });

  test("refuses a whole that is not what it is named after, and starts anew", async () => {
    const store = create();
    await store.write(name, 1000, 0, content.subarray(0, 500));
    await expect(store.write(name, 1000, 500, new Uint8Array(500))).rejects.toMatchObject({
      code: "PART_REFUSED",
      details: { expected: name },
    });
    expect(await store.progress(name, 1000)).toBe(0);
    expect(await store.write(name, 1000, 0, content)).toBe(true);
  });

  test("refuses to read what is missing or not yet whole", async () => {
    const store = create();
    await store.write(name, 1000, 0, content.subarray(0, 999));
    await expect(store.read(name)).rejects.toMatchObject({ code: "PART_REFUSED" });
  });

  test("refuses another length than the blob of this name has, and keeps the blob", async () => {
    const store = create();
    await store.write(name, 1000, 0, content);
    await expect(store.progress(name, 999)).rejects.toMatchObject({ code: "PART_REFUSED" });
    expect(await store.read(name)).toEqual(content);
  });

  test("has the empty blob always, and no other blob of no bytes", async () => {
    const store = create();
    expect(await store.progress(emptySha256, 0)).toBe(0);
    expect(await store.write(emptySha256, 0, 0, new Uint8Array())).toBe(true);
    expect(await store.read(emptySha256)).toHaveLength(0);
    await expect(store.progress(name, 0)).rejects.toMatchObject({ code: "PART_REFUSED" });
  });

  test.each([
    ["a piece behind the end", name, 990, content.subarray(0, 11)],
    ["a piece before the start", name, -1, content.subarray(0, 11)],
    ["a name that leads out of the folder", "../../secret", 0, content],
  ])("takes %s for nonsense", async (_what, given, offset, piece) => {
    await expect(create().write(given, 1000, offset, piece)).rejects.toMatchObject({
      code: "FRAME_MALFORMED",
    });
  });
});

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
