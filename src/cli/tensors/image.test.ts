import sharp from "sharp";
import { expect, test } from "vitest";
import { readImage } from "./image.ts";
import { numbersOf } from "./numbers.ts";
import { defaultPreprocessing, readPreprocessing } from "./preprocessing.ts";

/** Two pixels beside each other: red and white. */
const png = await sharp(Buffer.from([255, 0, 0, 255, 255, 255]), {
  raw: { width: 2, height: 1, channels: 3 },
})
  .png()
  .toBuffer();

test("puts channels in front or behind, in either order, scaled", async () => {
  const image = await readImage(png, defaultPreprocessing, "x.png");
  expect(image).toMatchObject({ dataType: "float32", shape: [1, 3, 1, 2] });
  expect(numbersOf(image)).toEqual([1, 1, 0, 1, 0, 1]);
  const behind = await readImage(
    png,
    { ...defaultPreprocessing, layout: "NHWC", channels: "BGR" },
    "x.png",
  );
  expect(behind.shape).toEqual([1, 1, 2, 3]);
  expect(numbersOf(behind)).toEqual([0, 0, 1, 1, 1, 1]);
});

test("resizes, subtracts the mean and divides by the deviation of each channel", async () => {
  const how = readPreprocessing(
    "format: partita.preprocessing/1\nsize: [2, 4]\nscale: 0.00392156862745098\nmean: [0.5, 0, 0]\nstd: [0.5, 1, 2]\n",
    "x.yaml",
  );
  const image = await readImage(png, how, "x.png");
  expect(image.shape).toEqual([1, 3, 2, 4]);
  const numbers = numbersOf(image);
  // Red is 1 everywhere; blue is 1 in the right-most column, of which half is left.
  expect(numbers[0]).toBeCloseTo(1, 5);
  expect(numbers[2 * 8 + 3]).toBeCloseTo(0.5, 1);
});

test("gives grey and unsigned bytes where a model wants them", async () => {
  const how = { ...defaultPreprocessing, channels: "grey", dataType: "uint8" } as const;
  const image = await readImage(png, how, "x.png");
  expect(image).toMatchObject({ dataType: "uint8", shape: [1, 1, 1, 2] });
  expect(image.data[1]).toBe(255);
});

test("refuses what is no picture, and preprocessing that says nothing known", async () => {
  const text = Buffer.from("no picture");
  await expect(readImage(text, defaultPreprocessing, "x.png")).rejects.toMatchObject({
    code: "IMAGE_INVALID",
  });
  expect(() =>
    readPreprocessing("format: partita.preprocessing/1\nsize: 224\n", "pre.yaml"),
  ).toThrow(/pre\.yaml:2: size/);
});
