import { LineCounter, parseDocument as parseYaml } from "yaml";
import type { z } from "zod";
import { CodedError, type ErrorCode } from "../base/errors.ts";

/**
 * Parses YAML or JSON (which is YAML) and checks it against a schema.
 *
 * @param file its name, for messages
 * @throws `code`, naming file, line and path of what is wrong
 */
export function parseDocument<T>(
  text: string,
  schema: z.ZodType<T>,
  file: string,
  code: ErrorCode,
): T {
  const json = asJson(text);
  if (json !== undefined) return checked(json, schema, code, (path) => at(file, path));
  const lines = new LineCounter();
  const document = parseYaml(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined) throw new CodedError(code, `${file}: ${error.message}`, { file });
  if (document.contents === null) {
    throw new CodedError(code, `${file}: there is nothing in it but white space and comments`, {
      file,
    });
  }
  return checked(document.toJS(), schema, code, (path) => {
    const offset = nearestOffset(document, path);
    return at(`${file}:${lines.linePos(offset).line}`, path);
  });
}

/** Profiles have megabytes of JSON, for which the YAML parser is two hundred times slower. */
function asJson(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checked<T>(
  value: unknown,
  schema: z.ZodType<T>,
  code: ErrorCode,
  where: (path: readonly PropertyKey[]) => string,
): T {
  const lost = lostName(value);
  if (lost !== null) {
    throw new CodedError(code, `${where(lost)}: nothing in a file may have this name; rename it`);
  }
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.slice(0, 5).map((issue) => {
    const found = issue.input === undefined ? "" : ` (found ${brief(issue.input)})`;
    return `${where(issue.path)}: ${issue.message}${found}`;
  });
  throw new CodedError(code, problems.join("\n"), { problems });
}

/** The path of a key `__proto__`, which schemas of maps leave out without a word; `null`: there is none. */
function lostName(value: unknown): readonly string[] | null {
  const open: (readonly [unknown, readonly string[]])[] = [[value, []]];
  const seen = new Set<unknown>();
  for (const [one, path] of open) {
    if (typeof one !== "object" || one === null || seen.has(one)) continue;
    seen.add(one);
    if (Object.hasOwn(one, "__proto__")) return [...path, "__proto__"];
    for (const [key, inner] of Object.entries(one)) {
      if (typeof inner === "object") open.push([inner, [...path, key]]);
    }
  }
  return null;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function at(file: string, path: readonly PropertyKey[]): string {
  return path.length === 0 ? file : `${file}: ${path.map(String).join(".")}`;
}

interface Ranged {
  readonly range?: readonly number[] | null;
}

/** The offset of the value at `path`, or of the innermost one around it that exists. */
function nearestOffset(
  document: ReturnType<typeof parseYaml>,
  path: readonly PropertyKey[],
): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const found = document.getIn(path.slice(0, depth), true) as Ranged | undefined;
    const offset = found?.range?.[0];
    if (offset !== undefined) return offset;
  }
  return 0;
}
