/**
 * What `node:http` takes by itself for the bytes of a request: a server that reads them and does
 * nothing else, asked by the same client.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { overHttp } from "./asking.js";
import type { Question } from "./setting.js";

export interface BareHttp extends AsyncDisposable {
  ask(question: Question): Promise<Uint8Array>;
}

export async function startBareHttp(): Promise<BareHttp> {
  let answer: Uint8Array = new Uint8Array();
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      response.setHeader("inference-header-content-length", 0);
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const asked = { model: "bare", input: "x", shape: [1, 3, 224, 224] };
  const client = overHttp(`http://127.0.0.1:${port}`, asked);
  return {
    ask: ({ input, expected }) => {
      answer = expected;
      return client.ask(input);
    },
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
