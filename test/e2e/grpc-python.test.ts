import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { debianPackage } from "../debian-package.ts";
import { temporaryFolder } from "../fixtures/authority.ts";
import { startGrpc } from "../fixtures/grpc-setting.ts";

const packages = [
  ...["python3-grpcio", "python3-protobuf", "libprotobuf32"],
  ...["libabsl20220623", "libc-ares2", "libre2-9"],
];

/** Calls as Triton's own client makes them, with the library that it is built on. */
const client = `
import struct, sys
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

address, descriptors = sys.argv[1:]
files = descriptor_pb2.FileDescriptorSet.FromString(open(descriptors, "rb").read())
pool = descriptor_pool.DescriptorPool()
for file in files.file:
    pool.Add(file)
messages = message_factory.MessageFactory(pool)
kind = lambda name: messages.GetPrototype(pool.FindMessageTypeByName(name))

channel = grpc.insecure_channel(address)
def call(method, package="inference", service="GRPCInferenceService", output=None, **fields):
    request = kind(package + "." + (output or method) + "Request")(**fields)
    answer = kind(package + "." + (output or method) + "Response")
    invoke = channel.unary_unary(
        "/%s.%s/%s" % (package, service, method),
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    return invoke(request, timeout=30, compression=grpc.Compression.Gzip)

print("ready", call("ServerReady").ready, call("ModelReady", name="passing").ready)
print("health", call("Check", "grpc.health.v1", "Health", "HealthCheck").status)
x = dict(name="x", datatype="FP32", shape=[1, 2])
raw = struct.pack("<2f", 1.5, -2)
answer = call("ModelInfer", model_name="passing", id="7", inputs=[x], raw_input_contents=[raw])
print(answer.id, answer.outputs[0].name, list(answer.outputs[0].shape), answer.raw_output_contents[0] == raw)
typed = dict(x, contents=dict(fp32_contents=[1.5, -2]))
print("typed", call("ModelInfer", model_name="passing", inputs=[typed]).raw_output_contents[0] == raw)
try:
    call("ModelInfer", model_name="nobody")
except grpc.RpcError as error:
    print(error.code().name, error.details())
`;

test("Python's grpcio, which Triton's client is built on, is answered", async () => {
  const roots = await Promise.all(packages.map((name) => debianPackage(name)));
  const within = (path: string) => roots.map((root) => join(root, path)).join(":");
  const descriptors = join(temporaryFolder(), "messages.binpb");
  execFileSync("npx", ["buf", "build", "src/server/grpc/proto", "-o", descriptors]);
  const { server } = await startGrpc();
  const { stdout } = await promisify(execFile)(
    "/usr/bin/python3",
    ["-c", client, server.address, descriptors],
    {
      env: {
        PYTHONPATH: within("usr/lib/python3/dist-packages"),
        LD_LIBRARY_PATH: within("usr/lib/x86_64-linux-gnu"),
      },
    },
  );
  expect(stdout.trim().split("\n")).toEqual([
    "ready True True",
    "health 1",
    "7 x_out [1, 2] True",
    "typed True",
    "NOT_FOUND MODEL_UNKNOWN: there is no model 'nobody'; there are passing, slow",
  ]);
});
