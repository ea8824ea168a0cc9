import { expect, test } from "vitest";
import { BlobFetcher } from "./blob-fetcher.ts";
import { memoryBlobStore } from "./blob-store.ts";
import { sha256Hex } from "./secret.ts";

const weight = new Uint8Array(2000).fill(3);
const skeleton = new Uint8Array(10).fill(1);
const reference = (bytes: Uint8Array) => ({ sha256: sha256Hex(bytes), bytes: bytes.length });
const piece = (bytes: Uint8Array, offset = 0) =>
  ({ type: "blob", sha256: sha256Hex(bytes), offset }) as const;

function setUp() {
  const store = memoryBlobStore();
  const fetcher = new BlobFetcher(store);
  const asked: { sha256: string; offset: number }[][] = [];
  const cancel = new AbortController();
  const fetch = (...blobs: Uint8Array[]) =>
    fetcher.fetch(blobs.map(reference), (wanted) => asked.push([...wanted]), cancel.signal);
  return { store, fetcher, asked, cancel, fetch };
}

test("asks for what is missing, each once, and resolves when all pieces are here in any order", async () => {
  const { fetcher, store, asked, fetch } = setUp();
  const done = fetch(skeleton, weight, weight);
  await fetcher.accept(piece(weight, 1000), weight.subarray(1000));
  await fetcher.accept(piece(skeleton), skeleton);
  await fetcher.accept(piece(weight, 1000), weight.subarray(1000));
  await fetcher.accept(piece(weight), weight.subarray(0, 1000));
  await done;
  expect(asked.length).toBe(1);
  expect(await store.read(reference(weight).sha256)).toEqual(weight);
  await fetch(weight);
  expect(asked[1]).toEqual([]);
});

test("goes on from where it broke off", async () => {
  const { fetcher, asked, cancel, fetch } = setUp();
  const first = fetch(weight);
  await fetcher.accept(piece(weight), weight.subarray(0, 700));
  cancel.abort(new Error("the coordinator is away"));
  await expect(first).rejects.toThrow("away");
  const again = fetcher.fetch(
    [reference(weight)],
    (wanted) => asked.push([...wanted]),
    new AbortController().signal,
  );
  await fetcher.accept(piece(weight, 700), weight.subarray(700));
  await again;
  expect(asked.at(-1)).toEqual([{ sha256: reference(weight).sha256, offset: 700 }]);
});

test("asks again for a blob that came damaged, and gives up when it always does", async () => {
  const { fetcher, asked, fetch } = setUp();
  const damaged = weight.slice();
  damaged[7] = 255;
  const done = fetch(weight);
  await fetcher.accept(piece(weight), damaged);
  expect(asked.at(-1)).toEqual([{ sha256: reference(weight).sha256, offset: 0 }]);
  await fetcher.accept(piece(weight), weight);
  await done;
  const hopeless = setUp();
  const refused = expect(hopeless.fetch(weight)).rejects.toMatchObject({ code: "PART_REFUSED" });
  for (let time = 0; time < 4; time++) await hopeless.fetcher.accept(piece(weight), damaged);
  await refused;
});

test("all that wait for a blob ask again when it came damaged, and have it when it is here", async () => {
  const { fetcher, asked, cancel, fetch } = setUp();
  const given = fetch(weight);
  const other: number[] = [];
  const never = new AbortController().signal;
  const done = fetcher.fetch([reference(weight)], (wanted) => other.push(wanted.length), never);
  await fetcher.accept(piece(weight), weight.with(7, 255));
  expect([asked.length, other.length]).toEqual([2, 2]);
  cancel.abort(new Error("its model is unloaded"));
  await expect(given).rejects.toThrow("unloaded");
  await fetcher.accept(piece(weight), weight);
  await done;
});

test("a blob that came damaged before somebody waited for it is no reason to give up for him", async () => {
  const { fetcher, fetch } = setUp();
  const damaged = weight.with(7, 255);
  const refused = expect(fetch(weight)).rejects.toMatchObject({ code: "PART_REFUSED" });
  for (let time = 0; time < 3; time++) await fetcher.accept(piece(weight), damaged);
  const never = new AbortController().signal;
  const done = fetcher.fetch([reference(weight)], () => undefined, never);
  await fetcher.accept(piece(weight), damaged);
  await refused;
  await fetcher.accept(piece(weight), weight);
  await done;
});

test("ignores pieces that nobody waits for, and refuses those outside of their blob", async () => {
  const { fetcher, fetch } = setUp();
  await fetcher.accept(piece(skeleton), skeleton);
  const done = fetch(weight);
  await expect(fetcher.accept(piece(weight), new Uint8Array(2001))).rejects.toMatchObject({
    code: "FRAME_MALFORMED",
  });
  await fetcher.accept(piece(weight), weight);
  await done;
});
