/**
 * The smallest clients of the Open Inference Protocol that send and take tensors as bytes: what they
 * cost is part of what is measured.
 *
 * @module
 */
import { Agent, request as httpRequest } from "node:http";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../dist/server/grpc/generated/inference_pb.js";

/** A model with one input and one output, both float32. */
export interface Asked {
  readonly model: string;
  readonly input: string;
  readonly shape: readonly number[];
}

/** Sends the input's bytes and takes the output's. */
export interface Asker extends AsyncDisposable {
  ask(input: Uint8Array): Promise<Uint8Array>;
}

/** Over connections that stay open. */
export function overHttp(url: string, { model, input, shape }: Asked): Asker {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(url);
  const path = `/v2/models/${model}/infer`;
  const parameters = { binary_data_output: true };
  return {
    ask: async (data) => {
      const size = { binary_data_size: data.byteLength };
      const inputs = [{ name: input, datatype: "FP32", shape, parameters: size }];
      const head = Buffer.from(JSON.stringify({ inputs, parameters }));
      const headers = {
        "content-length": head.byteLength + data.byteLength,
        "inference-header-content-length": head.byteLength,
      };
      return await new Promise((resolve, reject) => {
        const options = { agent, hostname, port, path, method: "POST", headers };
        const sent = httpRequest(options, (response) => {
          const { statusCode, headers: answered } = response;
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () => {
            const body = Buffer.concat(chunks);
            if (statusCode !== 200) reject(new Error(body.toString()));
            else resolve(body.subarray(Number(answered["inference-header-content-length"])));
          });
        });
        sent.on("error", reject);
        sent.write(head);
        sent.end(data);
      });
    },
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

export function overGrpc(address: string, { model, input, shape }: Asked): Asker {
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
  const { parent, name } = GRPCInferenceService.method.modelInfer;
  const path = `/${parent.typeName}/${name}`;
  const inputs = [{ name: input, datatype: "FP32", shape: shape.map(BigInt) }];
  return {
    ask: (data) => {
      const fields = { modelName: model, inputs, rawInputContents: [data] };
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          (message: Uint8Array) => Buffer.from(message.buffer, message.byteOffset, message.length),
          (bytes) => fromBinary(ModelInferResponseSchema, bytes),
          toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, fields)),
          (error, answer) => {
            const [output] = answer?.rawOutputContents ?? [];
            if (output !== undefined) resolve(output);
            else reject(error ?? new Error("the answer has no output"));
          },
        );
      });
    },
    [Symbol.asyncDispose]: async () => client.close(),
  };
}
