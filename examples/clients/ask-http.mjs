// Asks in binary with fetch: node ask-http.mjs [http://127.0.0.1:8000]
const server = process.argv[2] ?? "http://127.0.0.1:8000";
const picture = new Float32Array(3 * 64 * 64).fill(0.5);
const parameters = { binary_data_size: picture.byteLength };
const header = Buffer.from(
  JSON.stringify({
    inputs: [{ name: "input", shape: [1, 3, 64, 64], datatype: "FP32", parameters }],
    parameters: { binary_data_output: true },
  }),
);
const fail = (why) => {
  console.error(why);
  process.exit(1);
};
const response = await fetch(`${server}/v2/models/squeezenet/infer`, {
  method: "POST",
  headers: {
    "content-type": "application/octet-stream",
    "inference-header-content-length": String(header.byteLength),
  },
  body: new Blob([header, picture]),
}).catch(({ message, cause }) => fail(`nobody answers at ${server}: ${cause?.code ?? message}`));
if (!response.ok) fail(`${response.status} ${(await response.json()).error}`);
const length = Number(response.headers.get("inference-header-content-length"));
const body = await response.arrayBuffer();
const [{ name, shape }] = JSON.parse(Buffer.from(body, 0, length).toString()).outputs;
const values = new Float32Array(body.slice(length));
console.log(`${name} [${shape.join(", ")}] best class ${values.indexOf(Math.max(...values))}`);
