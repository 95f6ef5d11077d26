// Every slot at a glance, those first that somebody should look at.

import { instant } from "./clock.js";
import { ago, duration, exactTime, rate, span } from "./format.js";
import { entryLines } from "./ledger-lines.js";
import { versionLink } from "./links.js";
import { slotHash } from "./router.js";
import { quantile, requestsOf, seriesOf, stepped, totals } from "./series.js";
import { sparkline } from "./sparkline.js";
import { isBehind, lagOf, notesOf, sorted, standingOf, summary, whyOf } from "./standing.js";
import { refOf, state, update } from "./store.js";
import { trafficPlots } from "./traffic-plots.js";
import { live } from "./vendor/lit-html/directives/live.js";
import { repeat } from "./vendor/lit-html/directives/repeat.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const RECENT = 60; // seconds over which rates are taken
const LINES = 12;
const FEW = 12; // slots, beside whose table there is room for plots

/** The view. */
export function slotsView() {
  const slots = [...state.slots.values()];
  const shown = matching(sorted(slots), state.filter.slots);
  const few = slots.length <= FEW;
  return html`<h1 tabindex="-1">Slots</h1>
    <div class="overview">
      <div class="stack"><section aria-label="Slots" class="panel">
        <div class="bar-line">${counts(slots)}${filterBox(slots.length, shown.length)}</div>
        ${shown.length ? table(shown) : html`<p class="quiet">${slots.length ? "No slot has these words." : "This service follows nothing."}</p>`}
        ${withdrawn()}
      </section>
      ${few ? traffics(slots) : nothing}</div>
      <div class="stack">
        ${few ? nothing : traffics(slots)}
        <section class="panel" aria-labelledby="recent-title"><h2 id="recent-title">Lately</h2>${entryLines(state.ledger.entries.slice(0, LINES))}<p><a href="#/ledger">The whole ledger</a></p></section>
      </div>
    </div>`;
}

/** Of one slot by version, of several by slot. */
const traffics = (slots) => html`<section class="panel" aria-labelledby="traffic-title"><h2 id="traffic-title">Traffic</h2>${trafficPlots(slots.length === 1 ? "versions" : "slots")}</section>`;

function counts(slots) {
  const filterBy = (word) => () => update({ filter: { ...state.filter, slots: state.filter.slots === word ? "" : word } });
  return html`<div class="counts" role="group" aria-label="How many stand how">${summary(slots).map(
    ({ word, tone, mark, count }) => html`<button type="button" class="count tone-${tone}" aria-pressed=${state.filter.slots === word} @click=${filterBy(word)}><i aria-hidden="true">${mark}</i><b>${count}</b> ${word}</button>`,
  )}</div>`;
}

function filterBox(all, shown) {
  if (all < 2) return nothing;
  const typed = (event) => update({ filter: { ...state.filter, slots: event.target.value } });
  return html`<label class="filter"><span class="unseen">Filter slots</span><input id="filter" type="search" placeholder="Filter  /" autocomplete="off" .value=${live(state.filter.slots)} @input=${typed}><span class="quiet">${shown === all ? nothing : `${shown} of ${all}`}</span></label>`;
}

function matching(slots, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return slots;
  return slots.filter((slot) => {
    const text = [refOf(slot), standingOf(slot).word, ...notesOf(slot), whyOf(slot)].join(" ").toLowerCase();
    return text.includes(words.toLowerCase().trim()) || wanted.every((word) => text.includes(word));
  });
}

function table(slots) {
  return html`<table class="slots">
    <thead><tr><th scope="col">State</th><th scope="col">Slot</th><th scope="col">Version</th><th scope="col">Since</th><th scope="col">Lag</th><th scope="col" class="number">Requests</th><th scope="col" class="number">p99</th></tr></thead>
    <tbody>${repeat(slots, refOf, row)}</tbody>
  </table>`;
}

function row(slot) {
  const standing = standingOf(slot);
  const why = standing.tone === "bad" || standing.tone === "warn" ? whyOf(slot) : null;
  const since = instant(slot.since);
  const lag = lagOf(slot);
  const notes = notesOf(slot);
  return html`<tr class="row-${standing.tone}">
    <td data-name="State"><span class="state tone-${standing.tone}" title=${standing.means}><i aria-hidden="true">${standing.mark}</i>${standing.word}</span></td>
    <th scope="row" data-name="Slot"><a href=${slotHash(refOf(slot))}><bdi>${slot.name}</bdi><span class="alias">@<bdi>${slot.alias}</bdi></span></a>${notes.length ? html`<span class="notes">${notes.join(" · ")}</span>` : nothing}${why ? html`<span class="why">${why}</span>` : nothing}</th>
    <td data-name="Version">${versionLink(slot.name, slot.version)}${isBehind(slot) ? html`<span class="aspired"> → <span class="version">v${slot.aspired}</span></span>` : nothing}</td>
    <td data-name="Since" title=${exactTime(since)}>${slot.version ? ago(since) : "–"}</td>
    <td data-name="Lag" class=${lag > 0 ? "lagging" : "quiet"}>${lag > 0 ? span(lag) : "–"}</td>
    ${traffic(slot)}
  </tr>`;
}

function traffic(slot) {
  const series = seriesOf(slot);
  if (!series.length) return html`<td data-name="Requests" class="number quiet">–</td><td data-name="p99" class="number quiet">–</td>`;
  const sum = totals(series, RECENT);
  const values = stepped(series, 10, 300).sums.map(requestsOf);
  return html`<td data-name="Requests" class="number"><span class="with-spark">${sparkline(values)}<span>${rate(requestsOf(sum) / RECENT)}</span></span></td>
    <td data-name="p99" class="number">${duration(quantile(sum.buckets, 0.99))}</td>`;
}

function withdrawn() {
  if (!state.withdrawn.length) return nothing;
  return html`<h2>Withdrawn versions</h2><ul class="plain">${state.withdrawn.map(
    (each) => html`<li><bdi>${each.model}</bdi> version ${each.version}, ${each.source === "tag" ? "by its tag" : "by an operator"}, <time datetime=${each.at}>${ago(instant(each.at))}</time>${each.reason ? html`: <bdi>${each.reason}</bdi>` : nothing}</li>`,
  )}</ul>`;
}
