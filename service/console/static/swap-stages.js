// A move of the alias as it happens: its stages, what each took, and what came of it.

import { clockTime, duration } from "./format.js";
import { fromLedger, stagesOf } from "./journeys.js";
import { findingList } from "./ledger-lines.js";
import { state } from "./store.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const MARKS = { passed: "✓", now: "◐", after: "", failed: "✕" };
const WORDS = { passed: "done", now: "under way", after: "to come", failed: "failed" };

/** The panel's content for that slot. */
export function swapStages(ref) {
  const journey = state.journeys.get(ref) ?? fromLedger(ref);
  if (!journey) return html`<p class="quiet">No move of the alias has been seen yet.</p>`;
  const stages = stagesOf(journey);
  return html`<p class="headline">${headline(journey)}</p>
    <ol class="stages" aria-label="Stages of the move">${stages.filter(isTold(journey)).map((each) => stage(each, journey))}</ol>
    ${proportions(stages)}`;
}

function headline(journey) {
  const to = html`<b>version ${journey.version}</b>`;
  const from = journey.from && journey.from !== journey.version ? html` from version ${journey.from}` : nothing;
  if (journey.ended == null) return html`Moving to ${to}${from} ...`;
  const at = clockTime(journey.ended);
  if (journey.outcome === "swapped") return html`Moved to ${to}${from} at ${at}.`;
  if (journey.outcome === "refused") return html`Refused ${to} at ${at}; ${journey.from ? html`version ${journey.from} goes on serving` : "nothing else serves"}.`;
  return html`Gave up ${to} at ${at}: the alias has moved on, or it is to be tried again.`;
}

/** Of what is over, stages that did not take place are left out; of what was not seen, what is not known. */
const isTold = (journey) => ({ at, seconds, stage }) => {
  if (at === "now" || at === "failed" || stage === "swap") return true;
  if (stage === "environment" || stage === "wait" || stage === "look") return seconds != null;
  return true;
};

function stage({ stage, means, seconds, at }, journey) {
  const word = at === "after" && journey.ended != null ? "not reached" : WORDS[at];
  const building = at === "now" && journey.step ? `${journey.step}${journey.packages ? `, ${journey.packages} packages` : ""}` : null;
  return html`<li class="stage stage-${at}" aria-current=${at === "now" ? "step" : nothing} title=${means}>
    <span class="stage-mark" aria-hidden="true">${MARKS[at]}</span><span class="stage-name">${stage}</span>
    <span class="stage-time">${seconds == null || stage === "swap" ? word : duration(seconds)}${building ? html` <em>${building}</em>` : nothing}</span>
    <span class="unseen">${word}</span></li>`;
}

/** Where the time went: each stage as wide as it was long. */
function proportions(stages) {
  const timed = stages.filter(({ seconds }) => seconds > 0);
  const whole = timed.reduce((sum, { seconds }) => sum + seconds, 0);
  if (whole === 0) return nothing;
  const said = timed.map(({ stage, seconds }) => `${stage} ${duration(seconds)}`).join(", ");
  return html`<div class="proportions" role="img" aria-label=${`In all ${duration(whole)}: ${said}`}>${timed.map(({ stage, seconds }) => html`<span class="took took-${stage}" .style=${`flex-grow:${Math.max(0.004, seconds / whole)}`} title=${`${stage} ${duration(seconds)}`}>${seconds / whole > 0.12 ? stage : ""}</span>`)}</div><p class="quiet facts">${duration(whole)} in all</p>`;
}

/** Why what the alias is on does not serve. */
export function whyNot(slot) {
  const failure = slot.last_failure;
  const verdict = slot.verdict;
  const said = [
    failure && html`<p class="reason"><code>${failure.code}</code> ${failure.message}</p>`,
    verdict && verdict.message !== failure?.message && html`<p class="reason"><code>${verdict.code}</code> ${verdict.message}</p>`,
    failure && html`<p class="quiet facts">${failure.version ? `version ${failure.version}, ` : ""}at the stage ${failure.stage}, ${clockTime(Date.parse(failure.at) / 1000)}${slot.quarantined ? "; it is not tried again by itself" : ""}</p>`,
    failure?.detail && html`<pre tabindex="0" role="group" aria-label="In its own words">${failure.detail}</pre>`,
    findingList(failure?.findings),
    ...slot.wrong_tags.map(({ tag, message }) => html`<p class="reason"><code>${tag}</code> ${message}</p>`),
    slot.held && html`<p class="reason"><b>Held</b> ${slot.held.until ? `until ${clockTime(Date.parse(slot.held.until) / 1000)}` : "until somebody releases it"}${slot.held.unreadable ? ": the time given cannot be read" : ""}; its alias is on ${slot.held.alias_on ? `version ${slot.held.alias_on}` : "nothing"}.${slot.held.reason ? html` <bdi>${slot.held.reason}</bdi>` : nothing}</p>`,
  ].filter((each) => each && each !== nothing);
  return said.length ? said : null;
}
