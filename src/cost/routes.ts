/** The links of the best route; `null`: no route. */
export type FindRoute = (from: number, to: number, kind: number) => readonly number[] | null;

/**
 * Routes of least total seconds; among equal ones that with fewer hops, then that whose device names
 * come first. O(devices · links) at the first call for a source and a kind, then O(1).
 *
 * @param names of the devices
 * @param seconds of a kind of cargo on a link
 */
export function createRoutes(
  names: readonly string[],
  links: readonly { readonly from: number; readonly to: number }[],
  seconds: (link: number, kind: number) => number,
): FindRoute {
  const found: (readonly (Route | null)[] | undefined)[][] = [];
  return (from, to, kind) => {
    const rows = found[kind] ?? [];
    found[kind] = rows;
    const routes = rows[from] ?? bestRoutes(from, names, links, (link) => seconds(link, kind));
    rows[from] = routes;
    return routes[to]?.links ?? null;
  };
}

interface Route {
  readonly seconds: number;
  readonly links: readonly number[];
  readonly names: readonly string[];
}
/** Bellman and Ford, since the tie-break over names is no sum that Dijkstra's order would respect. */
function bestRoutes(
  from: number,
  names: readonly string[],
  links: readonly { readonly from: number; readonly to: number }[],
  seconds: (link: number) => number,
): (Route | null)[] {
  const routes: (Route | null)[] = names.map(() => null);
  routes[from] = { seconds: 0, links: [], names: [at(names, from)] };
  for (let improved = true; improved; ) {
    improved = false;
    for (let link = 0; link < links.length; link++) {
      const before = routes[at(links, link).from] ?? null;
      if (before === null) continue;
      const to = at(links, link).to;
      const known = routes[to] ?? null;
      const total = before.seconds + seconds(link);
      if (known !== null && total > known.seconds) continue;
      const longer = {
        seconds: total,
        links: [...before.links, link],
        names: [...before.names, at(names, to)],
      };
      if (!isBetter(longer, known)) continue;
      routes[to] = longer;
      improved = true;
    }
  }
  return routes;
}

function isBetter(route: Route, known: Route | null): boolean {
  if (known === null) return true;
  if (route.seconds !== known.seconds) return route.seconds < known.seconds;
  if (route.links.length !== known.links.length) return route.links.length < known.links.length;
  return route.names.join("\n") < known.names.join("\n");
}

function at<T>(items: readonly T[], position: number): T {
  return items[position] as T;
}
