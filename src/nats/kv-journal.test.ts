import { expect, test } from "vitest";
import { createMemoryCell } from "../../test/fixtures/memory-cell.ts";
import { CodedError } from "../base/errors.ts";
import { sharedJournal } from "./kv-journal.ts";
import type { SharedCell } from "./shared-cell.ts";

function journalIn(cell: SharedCell, term: number) {
  const fenced: string[] = [];
  const onFenced = ({ code }: CodedError): void => void fenced.push(code);
  return { fenced, store: sharedJournal({ cell, term, tokenMark: "mark", onFenced }) };
}

test("hands on what was saved, and takes nothing more from whoever had it before", async () => {
  const cell = createMemoryCell();
  const one = journalIn(cell.view(), 1);
  expect(await one.store.load()).toBeNull();
  await one.store.save("first");
  const two = journalIn(cell.view(), 2);
  expect(await two.store.load()).toBe("first");
  await expect(one.store.save("late")).rejects.toMatchObject({ code: "LEADERSHIP_LOST" });
  expect([one.fenced, two.fenced]).toEqual([["LEADERSHIP_LOST"], []]);
  await two.store.save("second");
  expect(await journalIn(cell.view(), 3).store.load()).toBe("second");
});

test("writes over its own where that was written and not acknowledged", async () => {
  const view = createMemoryCell().view();
  let isSilent = false;
  const replace = async (revision: number, text: string): Promise<number | null> => {
    const replaced = await view.replace(revision, text);
    if (!isSilent) return replaced;
    isSilent = false;
    throw new CodedError("ENGINE_UNAVAILABLE", "no answer came");
  };
  const { store, fenced } = journalIn({ ...view, replace }, 1);
  await store.save("first");
  isSilent = true;
  await expect(store.save("second")).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
  await store.save("third");
  expect(await store.load()).toBe("third");
  expect(fenced).toEqual([]);
});

test("refuses what another version has written", async () => {
  const view = createMemoryCell().view();
  await view.replace(0, '{"format":"partita.kept-journal/9"}');
  await expect(journalIn(view, 1).store.load()).rejects.toMatchObject({ code: "USAGE_INVALID" });
});
