/** Exporters write names of a hundred characters, whose ends differ. */
export function shorten(name: string, length = 36): string {
  return name.length <= length ? name : `…${name.slice(1 - length)}`;
}
