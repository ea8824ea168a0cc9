import { expect, test } from "vitest";
import { readFailure, systemCode, writeFailure } from "./file-failure.ts";

const failure = (code: string): Error => Object.assign(new Error(`${code}: syscall`), { code });

test("says what a failed read or write means; else what the system says", () => {
  expect(readFailure(failure("ENOENT"))).toBe("no such file");
  expect(writeFailure(failure("ENOENT"))).toBe("the folder does not exist");
  expect(writeFailure(failure("ENOSPC"))).toBe("no space left on the disk");
  expect(writeFailure(failure("EIO"))).toBe("EIO: syscall");
  expect(readFailure("no error at all")).toBe("no error at all");
});

test("tells errors of the system from others", () => {
  expect(systemCode(failure("EIO"))).toBe("EIO");
  expect(systemCode(failure("ERR_INVALID_ARG_TYPE"))).toBeUndefined();
  expect(systemCode(new Error("E"))).toBeUndefined();
});
