// Counts of before the stream began: asked for once a stream, and no more of them than are shown.

import { ask } from "./access.js";
import { KEPT, addStats } from "./series.js";
import { state, touch } from "./store.js";

const SHORT = 300; // seconds: what rows of many slots show
const FEW = 40; // slots, of which a quarter of an hour is little to tell

const asked = new Set();

/** Forgets what has been asked for: a new stream has begun. */
export const beginHistory = () => asked.clear();

/** Asks for what the view shows, where nobody has yet. */
export function keepHistory({ view, ref }) {
  if (!state.known || state.connection.word !== "live") return;
  const all = state.slots.size <= FEW || view === "traffic";
  once(all ? `stats?seconds=${KEPT}` : `stats?seconds=${SHORT}`);
  const slot = state.slots.get(ref);
  if (!all && slot) once(`stats?model=${encodeURIComponent(slot.name)}&alias=${encodeURIComponent(slot.alias)}&seconds=${KEPT}`);
}

function once(address) {
  if (asked.has(address)) return;
  asked.add(address);
  ask(address).then(
    (told) => (addStats(told), touch()),
    () => {}, // the stream tells of whatever keeps the service from answering
  );
}
