import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/fixtures/authority.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import { isLoopback, secureAgent, secureClient, secureCoordinator } from "./security.ts";

const coordinator = (
  folder: string,
  {
    listen = "0.0.0.0:7000",
    tls = undefined as boolean | undefined,
    token = undefined as string | undefined,
  },
  warnings: string[] = [],
) => secureCoordinator({ folder, listen, tls, token, warn: (text) => warnings.push(text) });

test.each([
  ["127.0.0.1:7000", true],
  ["127.8.8.8:7000", true],
  ["[::1]:7000", true],
  ["localhost:7000", true],
  ["0.0.0.0:7000", false],
  ["[::]:7000", false],
  ["192.168.0.2:7000", false],
  ["127.example.org:7000", false],
])("%s is on the loopback: %s", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

test("TLS is on off the loopback, and the token says so", async () => {
  const [folder, warnings] = [temporaryFolder(), [] as string[]];
  const local = await coordinator(folder, { listen: "127.0.0.1:7000" }, warnings);
  const remote = await coordinator(folder, {}, warnings);
  expect([local.transport.name, remote.transport.name]).toEqual(["tcp", "tls"]);
  expect(local.token).toBe(local.secret);
  expect(remote.token).toBe(`${remote.secret}.${remote.authority?.fingerprint}`);
  expect(warnings).toEqual([]);
});

test("TLS can be forced, and switched off with a warning that names the address", async () => {
  const [folder, warnings] = [temporaryFolder(), [] as string[]];
  const forced = await coordinator(folder, { listen: "127.0.0.1:7000", tls: true }, warnings);
  expect(forced.transport.name).toBe("tls");
  expect(warnings).toEqual([]);
  const off = await coordinator(folder, { tls: false }, warnings);
  expect([off.transport.name, off.authority]).toEqual(["tcp", null]);
  expect(warnings).toEqual([expect.stringContaining("0.0.0.0:7000")]);
});

test("the token outlives the coordinator; a given one is taken as it is", async () => {
  const folder = temporaryFolder();
  const first = await coordinator(folder, {});
  const again = await coordinator(folder, {});
  expect(again.token).toBe(first.token);
  expect(first.secret).toMatch(/^[\w-]{24}$/);
  expect((await coordinator(folder, { token: "mine" })).secret).toBe("mine");
  expect((await coordinator(folder, { token: first.token })).token).toBe(first.token);
  const other = await coordinator(temporaryFolder(), {});
  await expect(coordinator(folder, { token: other.token })).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringContaining(folder),
  });
});

test("agents and clients speak TLS exactly if their token has a fingerprint", async () => {
  const { token, secret } = await coordinator(temporaryFolder(), {});
  const folder = temporaryFolder();
  expect(await secureAgent("secret", "edge", folder)).toMatchObject({
    secret: "secret",
    keys: null,
  });
  const agent = await secureAgent(token, "edge", folder);
  expect([agent.transport.name, agent.secret, agent.keys === null]).toEqual(["tls", secret, false]);
  expect(secureClient(token).transport.name).toBe("tls");
  expect(secureClient("secret").transport.name).toBe("tcp");
});

test("an agent joins without certificate once, and is known by its name from then on", async () => {
  const folder = temporaryFolder();
  const { transport, token, authority } = await coordinator(temporaryFolder(), {});
  const agent = await secureAgent(token, "living room", folder);
  await using listener = await transport.listen("127.0.0.1:0");
  const seen = async (dialling: Transport): Promise<string | null | undefined> => {
    const taking = (async (): Promise<Channel | undefined> => {
      for await (const channel of listener) return channel;
      return undefined;
    })();
    await using _ = await dialling.connect(listener.address);
    return (await taking)?.identity;
  };
  expect(await seen(agent.transport)).toBe("");
  const certified = await authority?.certify("living room", (await agent.keys?.request()) ?? "");
  await agent.keys?.keep(certified?.certificate ?? "");
  expect(await seen(agent.transport)).toBe("living room");
  expect(await seen((await secureAgent(token, "living room", folder)).transport)).toBe(
    "living room",
  );
  expect(await seen((await secureAgent(token, "kitchen", folder)).transport)).toBe("");
  expect(await seen(secureClient(token).transport)).toBe("");
});
