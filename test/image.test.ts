import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ports } from "../src/deploy/installation.ts";

const dockerfile = readFileSync("docker/Dockerfile", "utf8").replaceAll("\\\n", " ");
const admitted = readFileSync(".dockerignore", "utf8")
  .split("\n")
  .flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
const { bin } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly bin: { readonly partita: string };
};

/** What stands behind each instruction of a name, in order. */
const instructions = (name: string): string[] =>
  dockerfile
    .split("\n")
    .flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length).trim()] : []));

test("what the image is made from is there, and nothing else is sent to who makes it", () => {
  const copied = instructions("COPY")
    .filter((words) => !words.startsWith("--from"))
    .flatMap((words) => words.split(/\s+/).slice(0, -1));
  expect(copied.filter((path) => !existsSync(path))).toEqual([]);
  expect(new Set(copied)).toEqual(new Set(admitted));
});

test("the image starts the program, as nobody, with the ports and places that manifests name", () => {
  const [, program] = JSON.parse(instructions("ENTRYPOINT")[0] ?? "") as string[];
  expect(program).toBe(`/opt/partita/${bin.partita}`);
  expect(instructions("USER")).toEqual(["1000:1000"]);
  const { nats: _, natsMonitor: _monitor, ...own } = ports;
  expect(instructions("EXPOSE")[0]?.split(" ").map(Number)).toEqual(Object.values(own));
  expect(instructions("HEALTHCHECK")[0]).toContain(`http://127.0.0.1:${ports.http}/v2/health/live`);
  expect(instructions("VOLUME")).toEqual(["/var/lib/partita"]);
});
