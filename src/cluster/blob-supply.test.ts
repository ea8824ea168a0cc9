import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { HostClock } from "../../test/fixtures/host-clock.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { BlobDepot } from "./blob-depot.ts";
import { BlobFetcher } from "./blob-fetcher.ts";
import { memoryBlobStore } from "./blob-store.ts";
import { BlobSupply } from "./blob-supply.ts";
import type { Want } from "./control-message.ts";
import { sha256Hex } from "./secret.ts";

const bytes = new Uint8Array([1, 2, 3, 4, 5, 6]);
const sha256 = sha256Hex(bytes);
const never = new AbortController().signal;
const virtual = () => createVirtualClock({ settle: () => settle() });

/** Fetches one blob with a depot that has what is given of it, and a coordinator that has it all. */
async function fetchWith(depot: Pick<BlobDepot, "fetch"> | null, clock = virtual()) {
  const store = memoryBlobStore();
  const fetcher = new BlobFetcher(store);
  const asked: Want["body"]["blobs"][number][] = [];
  const supply = new BlobSupply({
    clock,
    fetcher,
    depot,
    askCoordinator: (_, blobs) => {
      asked.push(...blobs);
      for (const blob of blobs) {
        const piece = bytes.subarray(blob.offset);
        void fetcher.accept({ type: "blob", ...blob }, piece);
      }
    },
  });
  await fetcher.fetch([{ sha256, bytes: bytes.length }], supply.for(1), never);
  expect(await store.read(sha256)).toEqual(bytes);
  return asked;
}

/** Has the first bytes of every blob. */
function depotWith(content: Uint8Array): Pick<BlobDepot, "fetch"> {
  return {
    fetch: async (_, offset, take) => {
      for (let at = offset; at < content.length; at += 2) {
        await take(at, content.subarray(at, at + 2));
      }
      return content.length;
    },
  };
}

test("asks the coordinator for nothing that the depot has", async () => {
  expect(await fetchWith(depotWith(bytes))).toEqual([]);
});

test("asks the coordinator for what the depot lacks, from where it ended", async () => {
  expect(await fetchWith(depotWith(bytes.subarray(0, 4)))).toEqual([{ sha256, offset: 4 }]);
  expect(await fetchWith(depotWith(new Uint8Array()))).toEqual([{ sha256, offset: 0 }]);
  expect(await fetchWith(null)).toEqual([{ sha256, offset: 0 }]);
});

test("asks the coordinator where the depot cannot be reached", async () => {
  const fetch = () => Promise.reject(new Error("the engine is away"));
  expect(await fetchWith({ fetch })).toEqual([{ sha256, offset: 0 }]);
});

test("asks the coordinator for what was damaged in the depot", async () => {
  expect(await fetchWith(depotWith(bytes.with(3, 9)))).toEqual([{ sha256, offset: 0 }]);
});

test("asks the coordinator for the rest where nothing comes any more, and lets go of the download", async () => {
  const clock = virtual();
  let isOver = false;
  const depot: Pick<BlobDepot, "fetch"> = {
    fetch: async (_, offset, take, signal) => {
      signal.addEventListener("abort", () => {
        isOver = true;
      });
      await take(offset, bytes.subarray(0, 2));
      return await new Promise<number>(() => undefined);
    },
  };
  const asked = fetchWith(depot, clock);
  await clock.advance(seconds(19));
  expect(isOver).toBe(false);
  await clock.advance(seconds(2));
  expect(await asked).toEqual([{ sha256, offset: 2 }]);
  expect(isOver).toBe(true);
});

test("gives up its downloads when it is closed, and waits for nothing", async () => {
  const clock = new HostClock(virtual());
  const fetcher = new BlobFetcher(memoryBlobStore());
  let isOver = false;
  const depot: Pick<BlobDepot, "fetch"> = {
    fetch: async (_, offset, take, signal) => {
      signal.addEventListener("abort", () => {
        isOver = true;
      });
      await take(offset, bytes.subarray(0, 2));
      return await new Promise<number>(() => undefined);
    },
  };
  const supply = new BlobSupply({ clock, fetcher, depot, askCoordinator: () => undefined });
  void fetcher.fetch([{ sha256, bytes: bytes.length }], supply.for(1), never);
  await settle();
  expect([isOver, clock.sleepers]).toEqual([false, 1]);
  supply.close();
  await settle();
  expect([isOver, clock.sleepers]).toEqual([true, 0]);
});

test("ends a download that nobody waits for any more", async () => {
  const fetcher = new BlobFetcher(memoryBlobStore());
  const cancel = new AbortController();
  const taken: number[] = [];
  const depot: Pick<BlobDepot, "fetch"> = {
    fetch: async (_, offset, take) => {
      for (let at = offset; at < bytes.length; at++) {
        if (at === 2) cancel.abort(new Error("its generation is over"));
        await settle();
        await take(at, bytes.subarray(at, at + 1));
        taken.push(at);
      }
      return bytes.length;
    },
  };
  const asked: unknown[] = [];
  const askCoordinator = (_: number, blobs: readonly unknown[]) => asked.push(...blobs);
  const supply = new BlobSupply({ clock: virtual(), fetcher, depot, askCoordinator });
  const references = [{ sha256, bytes: bytes.length }];
  await expect(fetcher.fetch(references, supply.for(1), cancel.signal)).rejects.toThrow("over");
  await settle();
  await settle();
  expect([taken, asked]).toEqual([[0, 1], []]);
});
