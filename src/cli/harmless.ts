/**
 * Text for a terminal, wherever it comes from: names and messages of agents are what others wrote.
 *
 * @module
 */

/** What moves the cursor, clears or retitles the window, or turns the order of what is read around. */
const commands = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
const layout: ReadonlySet<string> = new Set(["\n", "\t"]);
const shown = "\ufffd";
const opening = "\u001b";
/** What follows on it where this program itself colours: nothing that hides text, as black on black. */
const colour = /^\[(?:[0-2]|22|3[1-6]|39)m/u;

/** The text with each character that a terminal obeys replaced, but for line ends, tabs and colours. */
export function harmless(text: string): string {
  if (text.search(commands) < 0) return text;
  const [first = "", ...others] = text.split(opening);
  const rest = others.map(
    (piece) => (colour.test(piece) ? opening : shown) + withoutCommands(piece),
  );
  return [withoutCommands(first), ...rest].join("");
}

function withoutCommands(text: string): string {
  return text.replace(commands, (found) => (layout.has(found) ? found : shown));
}

/** JSON in which such characters are escaped, so that whoever parses it gets them as they were. */
export function harmlessJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(commands, (found) =>
    found === "\n" ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
