import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clearBlobs, listBlobs } from "./blob-folder.node.ts";
import { diskBlobStore } from "./blob-store.node.ts";
import type { BlobStore } from "./blob-store.ts";

const roomy = { limitBytes: 2 ** 40 };
const content = bytesOf(1, 1000);
const name = sha256Of(content);
/** No process has this number: it is above every system's limit. */
const nobody = 2 ** 30;
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "partita-disk-blobs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("still has after a restart what was there before", async () => {
  await diskBlobStore({ folder, ...roomy }).write(name, 1000, 0, content);
  const again = diskBlobStore({ folder, ...roomy });
  expect(await again.progress(name, 1000)).toBe(1000);
  expect(await again.read(name)).toEqual(content);
});

test("names the file of a blob that is whole, and none that was changed or is not there", async () => {
  const store = diskBlobStore({ folder, ...roomy });
  await expect(store.file?.(name)).rejects.toMatchObject({ code: "PART_REFUSED" });
  await store.write(name, 1000, 0, content);
  const path = (await store.file?.(name)) ?? "";
  expect(readFileSync(path)).toEqual(Buffer.from(content));
  writeFileSync(path, new Uint8Array(1000));
  await expect(store.file?.(name)).rejects.toMatchObject({ code: "PART_REFUSED" });
  expect(existsSync(path)).toBe(false);
});

test("goes on after a restart where the blob was without a gap", async () => {
  const first = diskBlobStore({ folder, ...roomy });
  await first.write(name, 1000, 0, content.subarray(0, 300));
  await first.write(name, 1000, 800, content.subarray(800));
  const again = diskBlobStore({ folder, ...roomy });
  expect(await again.progress(name, 1000)).toBe(300);
  expect(await again.write(name, 1000, 300, content.subarray(300))).toBe(true);
  expect(await again.read(name)).toEqual(content);
});

test("takes the file of a process that is gone over, instead of copying it", async () => {
  leave(nobody, content.subarray(0, 400));
  const store = diskBlobStore({ folder, ...roomy });
  expect(await store.progress(name, 1000)).toBe(400);
  await store.write(name, 1000, 400, content.subarray(400));
  expect(readdirSync(folder)).toEqual([name]);
});

test("fetches from the start once what an earlier process left was wrong", async () => {
  leave(nobody, new Uint8Array(400));
  const store = diskBlobStore({ folder, ...roomy });
  expect(await store.progress(name, 1000)).toBe(400);
  const wrong = store.write(name, 1000, 400, content.subarray(400));
  await expect(wrong).rejects.toMatchObject({ code: "PART_REFUSED" });
  expect(await store.progress(name, 1000)).toBe(0);
  expect(await store.write(name, 1000, 0, content)).toBe(true);
});

test("deletes a file that was changed on the disk when it is read, so that it is sent again", async () => {
  const store = diskBlobStore({ folder, ...roomy });
  await store.write(name, 1000, 0, content);
  writeFileSync(join(folder, name), bytesOf(2, 1000));
  await expect(store.read(name)).rejects.toMatchObject({
    code: "PART_REFUSED",
    message: expect.stringContaining("was changed on the disk"),
  });
  expect(await store.progress(name, 1000)).toBe(0);
});

test("finds out at the next start that a file was changed while nobody looked", async () => {
  writeFileSync(join(folder, name), bytesOf(2, 1000));
  expect(await diskBlobStore({ folder, ...roomy }).progress(name, 1000)).toBe(0);
  expect(existsSync(join(folder, name))).toBe(false);
});

test("lets two stores of one folder fetch the same blob at once", async () => {
  const stores = [diskBlobStore({ folder, ...roomy }), diskBlobStore({ folder, ...roomy })];
  for (const start of [0, 250, 500, 750]) {
    await Promise.all(
      stores.map((store) => store.write(name, 1000, start, content.subarray(start, start + 250))),
    );
  }
  for (const store of stores) expect(await store.read(name)).toEqual(content);
  expect(readdirSync(folder)).toEqual([name]);
});

test("makes room by removing what was not used for longest, and never what is pinned", async () => {
  const store = diskBlobStore({ folder, limitBytes: 3500 });
  const blobs = [1, 2, 3].map((seed) => bytesOf(seed, 1000));
  const names = blobs.map(sha256Of);
  for (const [at, blob] of blobs.entries()) {
    await store.write(sha256Of(blob), 1000, 0, blob);
    utimesSync(join(folder, names[at] as string), at + 1, at + 1);
  }
  const release = store.pin([names[0] as string]);
  await store.write(sha256Of(bytesOf(4, 1000)), 1000, 0, bytesOf(4, 1000));
  expect(await kept(names)).toEqual([true, false, true]);
  release();
  release();
  await store.write(sha256Of(bytesOf(5, 1000)), 1000, 0, bytesOf(5, 1000));
  expect(await kept(names)).toEqual([false, false, true]);
});

test("keeps a blob that is larger than its limit, since its device needs it", async () => {
  const store = diskBlobStore({ folder, limitBytes: 10 });
  expect(await store.write(name, 1000, 0, content)).toBe(true);
  expect(await store.read(name)).toEqual(content);
});

test("says what a blob needs and what the disk has when it is full, and leaves nothing behind", async () => {
  const store = diskBlobStore({ folder, ...roomy, freeBytes: async () => 999 });
  await expect(store.write(name, 1000, 0, content)).rejects.toMatchObject({
    code: "FILE_WRITE_FAILED",
    details: { folder, bytes: 1000, freeBytes: 999 },
  });
  expect(readdirSync(folder)).toEqual([]);
});

test("removes what is not used before it says that the disk is full", async () => {
  const free = async (): Promise<number> => 1500 - 1000 * readdirSync(folder).length;
  const store = diskBlobStore({ folder, ...roomy, freeBytes: free });
  const other = bytesOf(2, 1000);
  await store.write(sha256Of(other), 1000, 0, other);
  expect(await store.write(name, 1000, 0, content)).toBe(true);
  expect(readdirSync(folder)).toEqual([name]);
});

test("says which folder cannot be written to", async () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  const store = diskBlobStore({ folder: join(file, "blobs"), ...roomy });
  await expect(store.write(name, 1000, 0, content)).rejects.toMatchObject({
    code: "FILE_WRITE_FAILED",
    message: expect.stringContaining(file),
  });
});

test("lists blobs, those unused for longest first, and clears those that are older than a time", async () => {
  const store = diskBlobStore({ folder, ...roomy });
  await store.write(name, 1000, 0, content);
  const other = bytesOf(2, 500);
  await store.write(sha256Of(other), 500, 0, other);
  writeFileSync(join(folder, "notes.txt"), "somebody else's");
  utimesSync(join(folder, sha256Of(other)), 1000, 1000);
  expect((await listBlobs(folder)).map(({ bytes }) => bytes)).toEqual([500, 1000]);
  const removed = await clearBlobs(folder, new Date(2000 * 1000));
  expect(removed.map(({ sha256 }) => sha256)).toEqual([sha256Of(other)]);
  expect(readdirSync(folder).sort()).toEqual([name, "notes.txt"].sort());
});

test("does not clear what is being written, only what a process that is gone has left", async () => {
  const store = diskBlobStore({ folder, ...roomy });
  await store.write(name, 1000, 0, content.subarray(0, 10));
  leave(nobody, content.subarray(0, 20));
  const removed = await clearBlobs(folder, new Date(Date.now() + 60_000));
  expect(removed.map(({ bytes }) => bytes)).toEqual([20]);
  expect(await store.write(name, 1000, 10, content.subarray(10))).toBe(true);
});

test("an absent folder has no blobs", async () => {
  expect(await listBlobs(join(folder, "absent"))).toEqual([]);
});

type Step =
  | {
      readonly type: "piece";
      readonly blob: number;
      readonly offset: number;
      readonly size: number;
    }
  | {
      readonly type: "wrong";
      readonly blob: number;
      readonly offset: number;
      readonly size: number;
    }
  | { readonly type: "restart" | "remove" | "flip"; readonly file: number }
  | { readonly type: "truncate"; readonly file: number; readonly size: number };

const place = { blob: fc.nat(1), offset: fc.nat(39), size: fc.nat(40) };
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("piece" as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("wrong" as const), ...place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom("restart" as const, "remove" as const, "flip" as const),
      file: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("truncate" as const),
      file: fc.nat(3),
      size: fc.nat(40),
    }),
  },
);

test("pieces, copies, restarts and damage end in the right bytes or a refusal, never in wrong bytes", async () => {
  const blobs = [bytesOf(7, 40), bytesOf(8, 33)];
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (sequence) => {
      const home = mkdtempSync(join(folder, "run-"));
      let store = diskBlobStore({ folder: home, ...roomy });
      for (const step of sequence) {
        if (step.type === "restart") store = diskBlobStore({ folder: home, ...roomy });
        else await act(step, store, home, blobs);
      }
      for (const blob of blobs) expect(await completed(store, blob)).toEqual(blob);
    }),
    { numRuns: 60 },
  );
});

/** Refusals are answers, too: only what is read counts. */
async function act(
  step: Exclude<Step, { type: "restart" }> | { type: "restart" | "remove" | "flip"; file: number },
  store: BlobStore,
  home: string,
  blobs: readonly Uint8Array[],
): Promise<void> {
  if (step.type === "piece" || step.type === "wrong") {
    const blob = blobs[step.blob] as Uint8Array;
    const right = blob.slice(step.offset, step.offset + step.size);
    const piece = step.type === "piece" ? right : right.map((byte) => byte ^ 1);
    const offset = Math.min(step.offset, blob.length);
    await refusable(store.write(sha256Of(blob), blob.length, offset, piece));
    return;
  }
  const files = readdirSync(home).sort();
  const file = files[step.file % Math.max(files.length, 1)];
  if (file === undefined) return;
  const path = join(home, file);
  if (step.type === "remove") rmSync(path);
  if (step.type === "truncate") truncateSync(path, Math.min(step.size, statSync(path).size));
  if (step.type === "flip")
    writeFileSync(
      path,
      readFileSync(path).map((byte) => byte ^ 4),
    );
}

/** As an agent does: asks what is there, is sent the rest, reads it, and after a refusal again. */
async function completed(store: BlobStore, blob: Uint8Array): Promise<Uint8Array> {
  const sha256 = sha256Of(blob);
  for (let attempt = 0; attempt < 6; attempt++) {
    const start = (await refusable(store.progress(sha256, blob.length))) ?? 0;
    if (start < blob.length) {
      await refusable(store.write(sha256, blob.length, start, blob.subarray(start)));
    }
    const read = await refusable(store.read(sha256));
    if (read !== null) return read;
  }
  throw new Error("refused again and again");
}

async function refusable<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    expect((error as { code: string }).code).toMatch(/^(PART_REFUSED|FILE_WRITE_FAILED)$/);
    return null;
  }
}

/** A partial file as a process of this machine leaves it behind. */
function leave(pid: number, prefix: Uint8Array): void {
  const host = sha256Of(new TextEncoder().encode(hostname())).slice(0, 8);
  writeFileSync(join(folder, `${name}.${host}-${pid}-0123456789ab.part`), prefix);
}

async function kept(names: readonly string[]): Promise<boolean[]> {
  const there = new Set((await listBlobs(folder)).map(({ sha256 }) => sha256));
  return names.map((one) => there.has(one));
}

function bytesOf(seed: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 17) % 251);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
