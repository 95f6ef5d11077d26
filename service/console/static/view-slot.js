// One slot: its move as it happens, why not if not, what to do, and all that is known of what serves.

import { bakeView } from "./bake-view.js";
import { instant } from "./clock.js";
import { contractView } from "./contract-view.js";
import { copyLine } from "./copy.js";
import { ago, exactTime, span } from "./format.js";
import { hostsView } from "./hosts-view.js";
import { entryLines } from "./ledger-lines.js";
import { hasMlflow, modelLink, versionLink } from "./links.js";
import { reloadButton } from "./reload.js";
import { remediesOf } from "./remedies.js";
import { shadowView } from "./shadow-view.js";
import { shown } from "./slot-detail.js";
import { splitView } from "./split-view.js";
import { isBehind, lagOf, notesOf, standingOf } from "./standing.js";
import { state } from "./store.js";
import { swapStages, whyNot } from "./swap-stages.js";
import { trafficPlots } from "./traffic-plots.js";
import { tryIt } from "./try-it.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const LINES = 15;

/** The view; `openKey` asks for key and token. */
export function slotView(ref, openKey) {
  const slot = state.slots.get(ref);
  if (!slot) return unknown(ref);
  const detail = shown.ref === ref ? shown.detail : null;
  const shadow = shown.ref === ref ? shown.shadow : null;
  return html`${head(slot, openKey)}
    <div class="stack">
      ${panel("Move of the alias", swapStages(ref))}
      ${trouble(slot)}
      ${panel("Traffic by version", trafficPlots("versions", (each) => each.model === slot.name && each.alias === slot.alias, true))}
      ${columns([rollout(slot, shadow), use(slot, detail), inside(slot, detail, ref)])}
    </div>`;
}

/** Who else answers, or is compared. */
const rollout = (slot, shadow) => [
  slot.bake && panel("Bake", bakeView(slot)),
  slot.arms.length > 1 && panel("Split", splitView(slot)),
  slot.shadow && panel("Shadow", shadowView(slot, shadow)),
];

/** What one may ask it. */
const use = (slot, detail) => [panel("Try it", tryIt(slot, detail)), panel("Contract", contractView(detail))];

/** What it runs in, and what has happened to it. */
const inside = (slot, detail, ref) => [
  panel("Processes and environment", hostsView(slot, detail)),
  panel("Ledger", entryLines(state.ledger.entries.filter((each) => each.slot === ref).slice(0, LINES), { ofOne: true, all: true })),
];

function columns(groups) {
  const shown = groups.map((group) => group.filter(Boolean)).filter((group) => group.length);
  return html`<div class="columns-${shown.length}">${shown.map((group) => html`<div class="stack">${group}</div>`)}</div>`;
}

function unknown(ref) {
  return html`<h1 tabindex="-1"><bdi>${ref}</bdi></h1><section class="panel"><p>${state.known ? "This service does not follow it, or does no more." : "Asking the service ..."}</p><p><a href="#/slots">All slots</a></p></section>`;
}

function head(slot, openKey) {
  const standing = standingOf(slot);
  const since = instant(slot.since);
  const notes = notesOf(slot);
  return html`<div class="slot-head">
    <p class="crumb"><a href="#/slots">Slots</a></p>
    <h1 tabindex="-1"><bdi>${slot.name}</bdi><span class="alias">@<bdi>${slot.alias}</bdi></span></h1>
    <p class="slot-line"><span class="state big tone-${standing.tone}"><i aria-hidden="true">${standing.mark}</i>${standing.word}</span>
      <span class="serves">${slot.version ? html`serves ${versionLink(slot.name, slot.version)}, swapped in <time datetime=${exactTime(since)} title=${exactTime(since)}>${ago(since)}</time>` : "serves nothing"}</span>
      ${isBehind(slot) ? html`<span class="lagging">should serve ${versionLink(slot.name, slot.aspired)}, for ${span(lagOf(slot))}</span>` : nothing}
      ${notes.length ? html`<span class="quiet">${notes.join(" · ")}</span>` : nothing}
      ${hasMlflow() ? html`<span>${modelLink(slot.name)}</span>` : nothing}
      <span class="push">${reloadButton(slot, openKey)}</span></p>
    <p class="quiet">${standing.means}</p>
  </div>`;
}

/** Why it is not as it should be, and what to do about it. */
function trouble(slot) {
  const why = whyNot(slot);
  const remedies = remediesOf(slot);
  if (!why && !remedies.length) return nothing;
  const title = why ? (slot.version && !isBehind(slot) && !slot.held ? "What is wrong" : "Why not") : "What to do";
  return panel(title, html`${why ?? nothing}${why && remedies.length ? html`<h3>What to do</h3>` : nothing}${remedies.map(({ when, line }) => copyLine(line, when))}`);
}

function panel(title, content) {
  const id = `panel-${title.toLowerCase().replaceAll(" ", "-")}`;
  return html`<section class="panel" aria-labelledby=${id}><h2 id=${id}>${title}</h2>${content}</section>`;
}
