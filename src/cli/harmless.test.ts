import { PassThrough } from "node:stream";
import fc from "fast-check";
import { createColors } from "picocolors";
import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { reportError } from "./report-error.ts";
import { createTerminal } from "./terminal.ts";

const evil = "\u001b]0;owned\u0007\u001b[2J\u009b8mcloud\r\u202edesrever\u007f";

test("what a terminal would obey is replaced, and everything else stays", () => {
  expect(harmless(evil)).toBe(
    "\ufffd]0;owned\ufffd\ufffd[2J\ufffd8mcloud\ufffd\ufffddesrever\ufffd",
  );
  const plain = "kamera-1 äöü 日本 🙂\n\tsecond line";
  expect(harmless(plain)).toBe(plain);
});

test("this program's own colours stay, those that hide text do not", () => {
  const colours = createColors(true);
  const all = [colours.bold, colours.dim, colours.red, colours.green, colours.yellow, colours.cyan];
  for (const paint of all) expect(harmless(paint("text"))).toBe(paint("text"));
  for (const hiding of ["8", "30", "37", "40", "47", "97", "107"]) {
    expect(harmless(`\u001b[${hiding}mhidden`)).toBe(`\ufffd[${hiding}mhidden`);
  }
  expect(harmless(colours.red("\u001b[1A"))).toBe(colours.red("\ufffd[1A"));
});

test("no text reaches a terminal with anything to obey but line ends, tabs and colours", () => {
  const colours = ["1", "3", "31", "33"].map((code) => `\u001b[${code}m`);
  const nasty = fc.array(fc.constantFrom("\u001b", "[", "3", "1", "m", "8", "\u009b", "\r", "a"));
  fc.assert(
    fc.property(nasty, (letters) => {
      const shown = harmless(letters.join(""));
      const left = colours.reduce((text, each) => text.replaceAll(each, ""), shown);
      expect(left).not.toMatch(/\p{Cc}/u);
    }),
    { numRuns: 1000 },
  );
});

test("JSON keeps the value and shows no such character", () => {
  const value = { device: evil, lines: ["a\nb"] };
  for (const indent of [undefined, 2]) {
    const text = harmlessJson(value, indent);
    expect(JSON.parse(text)).toEqual(value);
    expect(text).toMatch(/^[ -~\n]*$/u);
  }
});

test("lines, notes, documents and errors go through it", async () => {
  const [output, errors] = [new PassThrough(), new PassThrough()];
  const terminal = createTerminal({
    json: false,
    input: new PassThrough(),
    output,
    errors,
    colour: "never",
    cacheFolder: "",
    stateFolder: "",
    blocking: (work) => work(),
  });
  terminal.line(evil);
  terminal.document({ evil });
  terminal.note(evil);
  const error = new CodedError("RUNTIME_FAILED", evil, { evil });
  const texts = [
    String(output.read()),
    String(errors.read()),
    reportError(error, false).text,
    reportError(error, true).text,
    reportError(new Error(evil), false).text,
  ];
  for (const text of texts) {
    expect(text).toContain("owned");
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
  }
});
