// Each slot's last move as it was seen from here: which stage began when, and how it ended.

import { instant, now } from "./clock.js";
import { refOf, state } from "./store.js";

/** Stages that a version goes through, in order, and what happens in each. */
export const STAGES = [
  ["look", "The registry says what the alias is on"],
  ["wait", "Others are loaded first"],
  ["fetch", "Its files are fetched and verified"],
  ["gates", "Gates look at it"],
  ["environment", "An environment of its own is looked for, or built"],
  ["load", "It is loaded and warmed up with its example"],
  ["swap", "It serves from here on"],
];
const NAMES = STAGES.map(([name]) => name);
// A refusal names the stage otherwise than the clock of the move does.
const SAME = { gate: "gates", contract: "gates", warm_up: "load", prove: "load", bake: "swap" };

/** The stage's name as `STAGES` has it. */
export const stageName = (stage) => (NAMES.includes(stage) ? stage : (SAME[stage] ?? "load"));

/** Takes a slot's new state: moves begin, go on and end. */
export function sawSlot(slot, before) {
  const ref = refOf(slot);
  const journey = state.journeys.get(ref);
  if (slot.coming) return keep(ref, onItsWay(slot, journey, before !== undefined));
  if (journey && journey.ended == null) return keep(ref, ended(slot, journey));
  // So quick that nobody saw it coming.
  if (before && slot.version && slot.version !== before.version) {
    keep(ref, { version: slot.version, from: before.version, began: now(), ended: now(), outcome: "swapped", seen: [], seconds: null });
  }
}

/** `watched`: whether the stage began before these eyes, so that it is known when. */
function onItsWay(slot, journey, watched) {
  const { version, stage, step, packages } = slot.coming;
  const same = journey && journey.ended == null && journey.version === version;
  const base = same ? journey : { version, from: slot.version, began: now(), ended: null, outcome: null, seen: [], seconds: null, failure: null };
  const last = base.seen.at(-1)?.stage;
  const seen = stage && stageName(stage) !== last ? [...base.seen, { stage: stageName(stage), at: watched ? now() : null }] : base.seen;
  return { ...base, seen, step, packages };
}

function ended(slot, journey) {
  const swapped = slot.version === journey.version;
  const failure = slot.last_failure?.version === journey.version ? slot.last_failure : null;
  const outcome = swapped ? "swapped" : failure ? "refused" : "abandoned";
  return { ...journey, ended: now(), outcome, failure, step: null };
}

/** Takes a line of the ledger: it has the service's own seconds for the move. */
export function sawSwap(entry) {
  const journey = state.journeys.get(entry.slot);
  if (!["swapped", "refused"].includes(entry.outcome)) return;
  const seconds = entry.details?.seconds ?? null;
  if (journey && journey.version === entry.to) return keep(entry.slot, { ...journey, seconds, outcome: entry.outcome, ended: journey.ended ?? now(), code: entry.code, stage: entry.details?.stage });
}

/** What of a slot's move is known from the ledger alone: before this page was opened. */
export function fromLedger(ref) {
  const entry = state.ledger.entries.find((each) => each.slot === ref && ["swapped", "refused"].includes(each.outcome));
  if (!entry) return null;
  const at = instant(entry.at);
  return { version: entry.to, from: entry.from, began: null, ended: at, outcome: entry.outcome, seen: [], seconds: entry.details?.seconds ?? null, code: entry.code, stage: entry.details?.stage };
}

/** Each stage of a move: `[{stage, means, seconds, at: "before" | "now" | "after" | "failed" | "passed"}]`. */
export function stagesOf(journey) {
  const failed = journey.outcome === "refused" ? failedAt(journey) : null;
  const current = journey.ended == null ? (journey.seen.at(-1)?.stage ?? "look") : null;
  const reached = NAMES.indexOf(failed ?? current ?? (journey.outcome === "swapped" ? "swap" : "look"));
  return STAGES.map(([stage, means], place) => {
    const seconds = journey.seconds?.[stage] ?? secondsSeen(journey, stage);
    return { stage, means, seconds, at: placeOf(place, reached, stage === failed, journey) };
  });
}

function placeOf(place, reached, isFailed, journey) {
  if (isFailed) return "failed";
  if (place > reached) return "after";
  if (place === reached && journey.ended == null) return "now";
  return "passed";
}

function failedAt(journey) {
  const told = journey.stage ?? journey.failure?.stage;
  return told ? stageName(told) : (journey.seen.at(-1)?.stage ?? "gates");
}

function secondsSeen(journey, stage) {
  const place = journey.seen.findIndex((each) => each.stage === stage);
  if (place < 0 || journey.seen[place].at === null) return null;
  const end = journey.seen[place + 1]?.at ?? journey.ended ?? now();
  return end - journey.seen[place].at;
}

function keep(ref, journey) {
  state.journeys.set(ref, journey);
}
