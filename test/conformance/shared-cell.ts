import { expect, onTestFinished, test } from "vitest";
import type { SharedCell } from "../../src/nats/shared-cell.ts";

/** One cell, as two processes see it. */
export interface SeenCell {
  readonly one: SharedCell;
  readonly other: SharedCell;
}

/** What every `SharedCell` does. `open` gives an empty one each time. */
export function cellConformance(name: string, open: () => Promise<SeenCell>): void {
  test(`${name} is empty at first, and holds what was put there last`, async () => {
    const { one, other } = await open();
    expect(await one.read()).toEqual({ revision: 0, text: "" });
    const first = (await one.replace(0, "a")) ?? 0;
    const second = (await other.replace(first, "b")) ?? 0;
    expect(second).toBeGreaterThan(first);
    expect(await one.read()).toEqual({ revision: second, text: "b" });
  });

  test(`${name} lets only one of those replace it who have seen the same`, async () => {
    const { one, other } = await open();
    const first = (await one.replace(0, "a")) ?? 0;
    const tried = await Promise.all(
      [one, other, one, other].map((cell, at) => cell.replace(first, `b${at}`)),
    );
    expect(tried.filter((revision) => revision !== null)).toHaveLength(1);
    expect(await one.replace(0, "c")).toBeNull();
    expect((await other.read()).text).toMatch(/^b/);
  });

  test(`${name} shows what stands there, and each time that it is replaced`, async () => {
    const { one, other } = await open();
    const over = new AbortController();
    onTestFinished(() => over.abort());
    const first = (await one.replace(0, "a")) ?? 0;
    const seen: string[] = [];
    for await (const { revision, text } of other.watch(over.signal)) {
      seen.push(text);
      if (text === "a") await one.replace(revision, "b");
      if (text === "b") over.abort();
    }
    expect(seen).toEqual(["a", "b"]);
    expect(first).toBeGreaterThan(0);
  });
}
