interface MarkdownColumn {
  readonly head: string;
  readonly align?: "right";
}

/** A table of GitHub's Markdown; a cell is one line, whatever it holds. */
export function markdownTable(
  columns: readonly MarkdownColumn[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells
      .map((cell) =>
        String(cell)
          .replaceAll(/\s*\n\s*/g, " ")
          .replaceAll("|", "\\|"),
      )
      .join(" | ")} |`;
  const rule = columns.map(({ align }) => (align === "right" ? "---:" : "---"));
  return [line(columns.map(({ head }) => head)), line(rule), ...rows.map(line)].join("\n");
}
