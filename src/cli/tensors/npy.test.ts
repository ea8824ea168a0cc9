import fc from "fast-check";
import { expect, test } from "vitest";
import { readNpy, writeNpy } from "./npy.ts";
import { readNpz, writeNpz } from "./npz.ts";

const widths = { bool: 1, float16: 2, float32: 4, float64: 8, int64: 8, uint8: 1 };

const tensors = fc
  .record({
    dataType: fc.constantFrom(...(Object.keys(widths) as (keyof typeof widths)[])),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
  })
  .chain(({ dataType, shape }) => {
    const bytes = shape.reduce((product, size) => product * size, widths[dataType]);
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((data) => ({ dataType, shape, data: new Uint8Array(data) }));
  });

test("reads back what it writes, scalars and empty arrays too", () => {
  fc.assert(
    fc.property(tensors, (tensor) => {
      expect(readNpy(writeNpy(tensor), "x.npy")).toEqual(tensor);
    }),
  );
});

test("reads back archives of several arrays", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9./]{0,8}$/), tensors), (arrays) => {
      expect(readNpz(writeNpz(arrays), "x.npz")).toEqual({ ...arrays });
    }),
    { numRuns: 30 },
  );
});

test("reads a file as NumPy writes it, and writes the same bytes", () => {
  // numpy.save of numpy.array([[1.5, -2.0]], dtype="<f4"), NumPy 1.26.
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  const bytes = Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"),
    Buffer.from(`${header.padEnd(117)}\n`, "latin1"),
    Buffer.from([0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]),
  ]);
  const read = readNpy(bytes, "x.npy");
  expect(read).toMatchObject({ dataType: "float32", shape: [1, 2] });
  expect([...new Float32Array(read.data.buffer)]).toEqual([1.5, -2]);
  expect(Buffer.from(writeNpy(read)).equals(bytes)).toBe(true);
});

test.each([
  ["text", Buffer.from("hello"), /is no \.npy file/],
  ["an archive", writeNpz({}), /is no \.npy file/],
  [
    "big-endian numbers",
    withHeader("'descr': '>f4', 'fortran_order': False, 'shape': (1,)", 4),
    /type '>f4'/,
  ],
  ["objects", withHeader("'descr': '|O', 'fortran_order': False, 'shape': (1,)", 4), /type '\|O'/],
  [
    "Fortran order",
    withHeader("'descr': '<f4', 'fortran_order': True, 'shape': (1,)", 4),
    /Fortran/,
  ],
  [
    "a shape of another size",
    withHeader("'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 4),
    /8 bytes, the file holds 4/,
  ],
])("refuses %s", (_, bytes, message) => {
  expect(() => readNpy(bytes, "x.npy")).toThrow(message);
});

function withHeader(fields: string, dataBytes: number): Uint8Array {
  const header = `{${fields}, }\n`;
  return Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00", "latin1"),
    Buffer.from([header.length, 0]),
    Buffer.from(header, "latin1"),
    Buffer.alloc(dataBytes),
  ]);
}
