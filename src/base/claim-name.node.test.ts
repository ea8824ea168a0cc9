import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { claimName } from "./claim-name.node.ts";

async function setUp(): Promise<{ file: string; name: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "partita-claim-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "draft");
  await writeFile(file, "ours", { mode: 0o600 });
  return { folder, file, name: join(folder, "key") };
}

/** What file systems without hard links say, each in its way. */
const refusing = (code: string) => async () => {
  throw Object.assign(new Error(`${code}: operation not permitted, link`), { code });
};

test.each([
  ["with hard links", undefined],
  ["where links are not permitted", refusing("EPERM")],
  ["where links are not supported", refusing("ENOTSUP")],
  ["where links are denied", refusing("EACCES")],
])("a name goes to whoever claims it first, with all of the file, %s", async (_, link) => {
  const { folder, file, name } = await setUp();
  expect(await claimName(file, name, link)).toBe(true);
  expect(await readFile(name, "utf8")).toBe("ours");
  expect((await stat(name)).mode & 0o777).toBe(0o600);
  const late = join(folder, "late");
  await writeFile(late, "theirs");
  expect(await claimName(late, name, link)).toBe(false);
  expect(await readFile(name, "utf8")).toBe("ours");
});

test("of many who claim a name at once one gets it, with hard links and without", async () => {
  for (const link of [undefined, refusing("EPERM")]) {
    const { folder, name } = await setUp();
    const claims = Array.from({ length: 8 }, async (_, number) => {
      const file = join(folder, `draft ${number}`);
      await writeFile(file, String(number));
      return await claimName(file, name, link);
    });
    const won = (await Promise.all(claims)).map((isOurs, number) => (isOurs ? number : null));
    const winners = won.filter((number) => number !== null);
    expect(winners).toHaveLength(1);
    expect(await readFile(name, "utf8")).toBe(String(winners[0]));
  }
});

test("a folder that takes no file at all says why", async () => {
  const { file, folder } = await setUp();
  await expect(
    claimName(file, join(folder, "absent", "key"), refusing("EPERM")),
  ).rejects.toMatchObject({ code: "ENOENT" });
});
