// Lines of the ledger: kept newest first, older ones asked for page by page, told in words.

import { ask } from "./access.js";
import { announce } from "./announcer.js";
import { sawSwap } from "./journeys.js";
import { state, update } from "./store.js";

const PAGE = 100;
const MOST = 2000; // as many as a service keeps

const SAYINGS = {
  swapped: (entry) => (entry.from ? `version ${entry.from} → ${entry.to}` : `version ${entry.to}`),
  refused: (entry) => `version ${entry.to} is refused`,
  emptied: (entry) => `version ${entry.to} is not served any more`,
  withdrawn: (entry) => `version ${entry.to} is withdrawn`,
  prepared: (entry) => `version ${entry.to} is ready, should the alias move there`,
  not_prepared: (entry) => `version ${entry.to} could not be made ready`,
  held: (entry) => `held on version ${entry.to}`,
  released: () => "follows its alias again",
  unblocked: (entry) => `version ${entry.to} is not blocked any more`,
  shadowed: (entry) => `version ${entry.to} hears of requests`,
  unshadowed: (entry) => `version ${entry.to} hears of requests no more`,
  proven: (entry) => `version ${entry.to} is proven`,
  unproven: (entry) => `version ${entry.to} is watched for longer`,
  gave_way: (entry) => `version ${entry.from} gave way to ${entry.to}`,
  shared: () => "requests are shared otherwise",
};
const TONES = { swapped: "good", proven: "good", prepared: "good", refused: "bad", gave_way: "bad", not_prepared: "bad", withdrawn: "bad", emptied: "bad" };

/** What happened, in a few words. */
export const sayingOf = (entry) => SAYINGS[entry.outcome]?.(entry) ?? `${entry.outcome}: version ${entry.to}`;

/** Its tone: good, bad or calm. */
export const toneOf = (entry) => TONES[entry.outcome] ?? "calm";

/** Every outcome that lines may have. */
export const OUTCOMES = Object.keys(SAYINGS);

/** Takes a line that has just been written. */
export function addEntry(entry) {
  const { entries } = state.ledger;
  if (entries.some(({ id }) => id === entry.id)) return;
  update({ ledger: { ...state.ledger, entries: [entry, ...entries].slice(0, MOST) } });
  sawSwap(entry);
  if (["good", "bad"].includes(toneOf(entry))) announce(`${entry.slot}: ${sayingOf(entry)}.`);
}

/** Asks for the newest page, or for the next older one. */
export async function askEntries(older) {
  const { ledger } = state;
  const before = older ? `&before=${ledger.older}` : "";
  try {
    const page = await ask(`swaps?limit=${PAGE}${before}`);
    const known = older ? state.ledger.entries : [];
    const entries = [...known, ...page.swaps].slice(0, MOST);
    update({ ledger: { entries, older: page.next_before, asked: true, problem: null } });
  } catch (problem) {
    update({ ledger: { ...state.ledger, asked: true, problem: problem.message } });
  }
}

/** Lines that have the words in them, and the outcome if one is given. */
export function filtered(entries, words, outcome) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    if (outcome && entry.outcome !== outcome) return false;
    const text = [entry.slot, sayingOf(entry), entry.outcome, entry.code, entry.details?.message, entry.details?.reason].join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
