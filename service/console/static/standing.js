// How a slot stands: one word with a tone, what else is said of it, and which slots come first.

import { instant, now } from "./clock.js";
import { span } from "./format.js";

// In the order in which somebody should look at them. The mark is a second sign beside the colour.
const STANDINGS = {
  refused: { word: "refused", tone: "bad", mark: "✕", means: "What the alias is on cannot be served; what served before goes on." },
  nothing: { word: "not served", tone: "bad", mark: "✕", means: "What the alias is on cannot be served, and nothing else stands in." },
  missing: { word: "missing", tone: "bad", mark: "○", means: "The registry has no such alias or model, and nothing stands in." },
  withdrawn: { word: "withdrawn", tone: "bad", mark: "✕", means: "An operator has withdrawn the version: requests are answered with 410." },
  gaveWay: { word: "gave way", tone: "warn", mark: "▲", means: "What the alias is on did worse; what was proven before serves." },
  unready: { word: "not ready", tone: "bad", mark: "▲", means: "No process of the version can answer right now." },
  gone: { word: "alias gone", tone: "warn", mark: "▲", means: "The registry has no such alias any more; what served goes on." },
  blocked: { word: "blocked", tone: "warn", mark: "▲", means: "A version that it serves, or should, is blocked." },
  empty: { word: "empty", tone: "bad", mark: "○", means: "Nothing serves." },
  unlooked: { word: "not asked", tone: "warn", mark: "▲", means: "The registry gives no usable answer about it; what served goes on." },
  loading: { word: "loading", tone: "busy", mark: "◐", means: "Its first version is on its way." },
  moving: { word: "moving", tone: "busy", mark: "◐", means: "Another version is on its way; what served before goes on." },
  fallback: { word: "last known good", tone: "warn", mark: "▲", means: "It serves what it served before the start." },
  held: { word: "held", tone: "busy", mark: "■", means: "It stays on what it serves, wherever its alias goes." },
  baking: { word: "baking", tone: "busy", mark: "◑", means: "What it serves has to show that it does no worse than what was proven." },
  cold: { word: "cold", tone: "calm", mark: "○", means: "It is loaded when it is asked." },
  serving: { word: "serving", tone: "good", mark: "●", means: "It serves what its alias is on." },
};
const ORDER = Object.keys(STANDINGS);
const GONE = new Set(["alias_missing", "model_missing"]);

/** A slot's own: `{key, word, tone, mark, means}`. */
export function standingOf(slot) {
  const key = keyOf(slot);
  return { key, ...STANDINGS[key] };
}

function keyOf(slot) {
  if (slot.state === "withdrawn" || (slot.withdrawn && !slot.version)) return "withdrawn";
  if (slot.missing) return "missing";
  if (slot.verdict) return "gaveWay";
  if (slot.state === "refused") return "refused";
  if (!slot.version) return slot.state === "loading" ? "loading" : slot.quarantined || slot.last_failure?.version ? "nothing" : "empty";
  return keyOfServing(slot);
}

function keyOfServing(slot) {
  if (!slot.ready && slot.state !== "cold") return "unready";
  if (GONE.has(slot.last_failure?.code)) return "gone";
  if (slot.blocked) return "blocked";
  if (slot.last_failure?.stage === "look") return "unlooked";
  if (slot.held) return "held";
  if (isBehind(slot)) return "moving";
  if (slot.last_known_good_since) return "fallback";
  if (slot.bake) return "baking";
  return slot.state === "cold" ? "cold" : "serving";
}

/** Whether it should serve something else than it does. */
export const isBehind = (slot) => slot.aspired != null && slot.aspired !== slot.version;

/** For how long it has, in seconds, by now. */
export const lagOf = (slot) => (isBehind(slot) ? slot.lag_seconds + Math.max(0, now() - slot.heard) : 0);

/** Slots in the order in which they are to be looked at; of equals, by name. */
export function sorted(slots) {
  const collator = new Intl.Collator("en", { numeric: true });
  const keyed = [...slots].map((slot) => [ORDER.indexOf(keyOf(slot)), `${slot.name}@${slot.alias}`, slot]);
  keyed.sort(([a, refA], [b, refB]) => a - b || collator.compare(refA, refB));
  return keyed.map(([, , slot]) => slot);
}

/** How many stand how, worst first: `[{key, word, tone, mark, count}]`. */
export function summary(slots) {
  const counts = new Map();
  for (const slot of slots) counts.set(keyOf(slot), (counts.get(keyOf(slot)) ?? 0) + 1);
  return ORDER.filter((key) => counts.has(key)).map((key) => ({ key, ...STANDINGS[key], count: counts.get(key) }));
}

/** What else is true of it, in a word or two each. */
export function notesOf(slot) {
  const standing = keyOf(slot);
  const shares = slot.arms.length > 1;
  const notes = [
    slot.arm && "an arm",
    slot.held && standing !== "held" && "held",
    slot.bake && standing !== "baking" && "baking",
    slot.blocked && standing !== "blocked" && `v${slot.blocked} blocked`,
    shares && `split ${slot.arms.map((arm) => `${Math.round(arm.weight)}`).join(" / ")}`,
    slot.shadow && `shadow ${slot.shadow.alias}`,
    slot.prepared && `v${slot.prepared} prepared`,
    slot.unsigned && "no signature",
    slot.environment?.key && "own environment",
    slot.wrong_tags.length > 0 && "a tag is wrong",
    standing !== "fallback" && slot.last_known_good_since && "last known good",
  ];
  return notes.filter(Boolean);
}

/** One sentence about what serves. */
export function sentenceOf(slot) {
  if (!slot.version) return standingOf(slot).means;
  const since = instant(slot.since);
  return `Version ${slot.version} has served for ${since == null ? "a while" : span(now() - since)}.`;
}

/** Why it is not as it should be, as the service says it; null where nothing failed. */
export function whyOf(slot) {
  if (slot.verdict) return slot.verdict.message;
  if (slot.last_failure) return slot.last_failure.message;
  return slot.wrong_tags[0]?.message ?? null;
}
