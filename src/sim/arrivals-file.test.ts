import { expect, test } from "vitest";
import { readArrivals } from "./arrivals-file.ts";

test("reads one arrival a line, several at one time too", () => {
  expect([...readArrivals("seconds\n0\r\n1.5\n1.5\n2e1\n", "a.csv")]).toEqual([0, 1.5, 1.5, 20]);
});

test.each([
  ["an empty file", "", /first line is ""/],
  ["a file without its header", "1\n2", /first line is "1"; expected "seconds"/],
  ["a header alone", "seconds\n", /no line below/],
  ["what is no number", "seconds\nsoon", /line 2 has "soon"/],
  ["an empty line", "seconds\n1\n\n2", /line 3 has ""/],
  ["a negative time", "seconds\n-1", /line 2 has "-1"/],
  ["an endless time", "seconds\n1e999", /line 2 has "1e999"/],
  ["times that go back", "seconds\n2\n1", /line 3 has "1"; expected seconds of at least 2/],
])("refuses %s, saying where", (_, text, message) => {
  const read = () => readArrivals(text, "a.csv");
  expect(read).toThrow(expect.objectContaining({ code: "TRACE_INVALID" }));
  expect(read).toThrow(message);
});
