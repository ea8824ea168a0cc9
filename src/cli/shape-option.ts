import { type Option, texts, usage } from "./command.ts";

/** Shapes by input name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

export const shapeOption: Option<Shapes> = readsShapes();

function readsShapes(): Option<Shapes> {
  const option = texts("--shape <name=1,3,224,224>", "bind the shape of an input (repeatable)");
  return { ...option, read: (given) => Object.fromEntries(option.read(given).map(readShape)) };
}

function readShape(written: string): readonly [string, readonly number[]] {
  const equals = written.lastIndexOf("=");
  const name = written.slice(0, equals);
  const sizes = written.slice(equals + 1).split(",");
  if (equals > 0 && sizes.every((size) => /^\s*\d+\s*$/.test(size))) {
    return [name, sizes.map(Number)];
  }
  throw usage(`--shape wants INPUT=SIZE,SIZE,…, for instance x=1,3,320,320, not "${written}"`);
}
