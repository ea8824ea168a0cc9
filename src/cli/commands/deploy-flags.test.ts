import { expect, test } from "vitest";
import { installations } from "../../../test/fixtures/installations.ts";
import { agentWords, joiningDevices } from "../../deploy/agents.ts";
import { coordinatorWords } from "../../deploy/coordinator.ts";
import { catalogue } from "../catalogue.ts";

const calls = Object.entries(installations).flatMap(([name, installation]) => {
  const agents = joiningDevices(installation).map((device) => agentWords(device, installation));
  return [coordinatorWords(installation), ...agents].map((words): [string, string[]] => [
    `${name}, ${words[0]} ${words[1]}`,
    words,
  ]);
});

test.each(calls)("%s: the command has every option that its container passes", async (_, words) => {
  const [name = "", ...rest] = words;
  const command = await catalogue[name]?.load();
  const options = Object.values(command?.options ?? {});
  for (const word of rest.filter((each) => each.startsWith("--"))) {
    const [, flag = "", value] = /^(--[\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    const option = options.find(({ flags }) => flags.split(/[ ,]+/).includes(flag));
    expect([flag, option?.flags]).toEqual([flag, expect.stringContaining(flag)]);
    // What it is given is what it reads; it takes one if and only if it says so.
    expect(value !== undefined).toBe(option?.flags.includes("<"));
    option?.read(option.repeatable ? [value] : (value ?? true));
  }
});
