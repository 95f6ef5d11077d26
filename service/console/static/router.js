// Which view the address's fragment names, and addresses of views.

const VIEWS = new Set(["slots", "ledger", "traffic"]);

/** The view that a fragment names; what is not known leads to the slots. */
export function routeOf(hash) {
  const path = hash.replace(/^#\/?/, "");
  const cut = path.indexOf("/");
  const view = cut < 0 ? path : path.slice(0, cut);
  if (view === "slot" && cut > 0) {
    const ref = decoded(path.slice(cut + 1));
    if (ref) return { view: "slot", ref };
  }
  return { view: VIEWS.has(view) ? view : "slots" };
}

/** The fragment of a slot's view. */
export const slotHash = (ref) => `#/slot/${encodeURIComponent(ref)}`;

/** A relative address below a slot's own, as `/models/{name}@{alias}` has it. */
export const slotAddress = (ref, below = "") => `models/${encodeURIComponent(ref).replaceAll("%40", "@")}${below}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
