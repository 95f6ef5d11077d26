// What one slot's view asks for beside the stream: its contract and hosts, its shadow, its lines of the ledger.

import { ask } from "./access.js";
import { slotAddress } from "./router.js";
import { state, touch } from "./store.js";

const OFTEN = 5000; // milliseconds
const SELDOM = 60000; // where a contract is so long that asking costs the service something
const LONG = 65536; // characters
const SHADOW = 3000;

/** What is known of the slot that is shown: `{ref, detail, shadow, problem}`. */
export let shown = none(null);

function none(ref) {
  return { ref, detail: null, shadow: null, problem: null, version: undefined, askedAt: 0, shadowAt: 0, long: false, asking: false, asked: 0 };
}

/** Forgets what was shown, or what another token may see more of. */
export function forgetDetail() {
  shown = none(shown.ref);
}

/** Asks for what is due, for the slot whose view is open; called again and again. */
export function keepDetail(ref) {
  if (ref !== shown.ref) shown = none(ref);
  const slot = state.slots.get(ref);
  if (ref === null || !slot || document.hidden || shown.asking) return;
  const age = Date.now() - shown.askedAt;
  const moved = slot.version !== shown.version || slot.ready !== shown.ready;
  if (moved || age > (shown.long ? SELDOM : OFTEN)) askDetail(ref, slot);
  if (slot.shadow && Date.now() - shown.shadowAt > SHADOW) askShadow(ref);
}

async function askDetail(ref, slot) {
  const about = shown;
  Object.assign(about, { asking: true, askedAt: Date.now(), version: slot.version, ready: slot.ready });
  try {
    const detail = await ask(slotAddress(ref));
    Object.assign(about, { detail, problem: null, long: JSON.stringify(detail.signature ?? "").length > LONG });
  } catch (problem) {
    about.problem = problem.message;
  }
  about.asking = false;
  touch();
}

async function askShadow(ref) {
  const about = shown;
  about.shadowAt = Date.now();
  try {
    about.shadow = await ask(slotAddress(ref, "/shadow"));
  } catch {
    about.shadow = null;
  }
  touch();
}
