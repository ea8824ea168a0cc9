import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { quietTerminal } from "../../test/fixtures/quiet-terminal.ts";
import { doctor } from "./commands/doctor.ts";
import { run } from "./commands/run.ts";

test.each([
  ["doctor", doctor, "join", []],
  ["run", run, "to", ["input.npy"]],
])("%s is interrupted while somebody who was dialled says nothing", async (...row) => {
  const [, command, option, words] = row;
  const stop = new AbortController();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => stop.abort(new Error("interrupted")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const running = command.run({
    arguments: words,
    options: { [option]: address, token: "secret" },
    terminal: quietTerminal(),
    signal: stop.signal,
  });
  await expect(running).rejects.toThrow("interrupted");
});
