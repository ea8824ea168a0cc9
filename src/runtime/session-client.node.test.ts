import { expect, test } from "vitest";
import { createBuilder } from "../onnx/build.ts";
import { toLoadable } from "./loadable.ts";
import { sampleTensor } from "./sample-inputs.ts";
import { SessionClient } from "./session-client.node.ts";

async function start(): Promise<SessionClient> {
  const builder = createBuilder({ name: "one" });
  const x = builder.input("x", "float32", [4]);
  builder.output(builder.node("Exp", [x], { output: "y" }), "float32", [4]);
  return SessionClient.start({ ...toLoadable(builder.build()), threads: 1, level: "disabled" });
}

test("a thread that dies rejects all runs that wait, and every later one", async () => {
  const client = await start();
  const endless = { atLeast: 1e9, atMost: 1e9, seconds: 1e9 };
  const waiting = [
    client.repeat({ x: sampleTensor("float32", [4], 1) }, endless),
    client.run({ x: sampleTensor("float32", [4], 1) }),
  ].map((run) => expect(run).rejects.toMatchObject({ code: "RUNTIME_FAILED" }));
  await client.terminate();
  await Promise.all(waiting);
  expect(await client.died).toMatchObject({ code: "RUNTIME_FAILED" });
  await expect(client.run({ x: sampleTensor("float32", [4], 1) })).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
  });
  await client.release();
});

test("repeating ends behind the run that it is in once it is told to stop", async () => {
  const client = await start();
  const x = sampleTensor("float32", [4], 1);
  const endless = { atLeast: 1e9, atMost: 1e9, seconds: 1e9 };
  const repeated = client.repeat({ x }, endless);
  client.stop();
  expect((await repeated).length).toBeLessThan(1e9);
  expect(await client.repeat({ x }, endless)).toEqual([]);
  expect((await client.run({ x })).outputs).toHaveProperty("y");
  await client.release();
});

test("repeating leaves the inputs to the caller and tells the time of each run", async () => {
  const client = await start();
  const x = sampleTensor("float32", [4], 1);
  const times = await client.repeat({ x }, { atLeast: 3, atMost: 3, seconds: 0 });
  expect(times).toHaveLength(3);
  expect(Math.min(...times.map(({ wall }) => wall))).toBeGreaterThan(0);
  expect(x).toEqual(sampleTensor("float32", [4], 1));
  await client.release();
});

test("one buffer may be the value of two inputs", async () => {
  const builder = createBuilder({ name: "two" });
  const [a, b] = [builder.input("a", "float32", [2]), builder.input("b", "float32", [2])];
  builder.output(builder.node("Add", [a, b], { output: "y" }), "float32", [2]);
  const request = { ...toLoadable(builder.build()), threads: 1, level: "disabled" } as const;
  const client = await SessionClient.start(request);
  const data = new Uint8Array(new Float32Array([1, 2]).buffer);
  const value = { dataType: "float32", shape: [2], data };
  const { outputs } = await client.run({ a: value, b: value });
  expect(new Float32Array(outputs["y"]?.data.buffer ?? new ArrayBuffer(0))).toEqual(
    new Float32Array([2, 4]),
  );
  await client.release();
});

test("thrifty sessions share a thread, which serves the others when one of them has gone", async () => {
  const builder = createBuilder({ name: "one" });
  const x = builder.input("x", "float32", [4]);
  builder.output(builder.node("Exp", [x], { output: "y" }), "float32", [4]);
  const load = () => ({ ...toLoadable(builder.build()), threads: 1, level: "disabled" }) as const;
  const [one, other] = [
    await SessionClient.start({ ...load(), thrifty: true }),
    await SessionClient.start({ ...load(), thrifty: true }),
  ];
  const run = (client: SessionClient) => client.run({ x: sampleTensor("float32", [4], 1) });
  const both = await Promise.all([run(one), run(other)]);
  expect(both[0]?.outputs["y"]).toEqual(both[1]?.outputs["y"]);
  await one.release();
  expect((await run(other)).outputs["y"]).toEqual(both[0]?.outputs["y"]);
  await other.terminate();
  expect(await other.died).toMatchObject({ code: "RUNTIME_FAILED" });
  const again = await SessionClient.start({ ...load(), thrifty: true });
  expect((await run(again)).outputs["y"]).toEqual(both[0]?.outputs["y"]);
  await again.release();
});
