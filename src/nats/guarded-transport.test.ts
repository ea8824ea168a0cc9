import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { GuardedTransport } from "./guarded-transport.node.ts";

test("what is written to a socket that has ended goes nowhere, and is no error", async () => {
  const server = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  const errors: Error[] = [];
  socket.on("error", (error) => errors.push(error));
  const transport = new GuardedTransport();
  transport.socket = socket;
  transport.connected = true;
  const closed = once(socket, "close");
  socket.end();
  await transport._send(Uint8Array.of(1));
  await closed;
  expect(errors).toEqual([]);
});
