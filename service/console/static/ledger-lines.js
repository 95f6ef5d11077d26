// Lines of the ledger as a list.

import { instant } from "./clock.js";
import { clockTime, duration, exactTime } from "./format.js";
import { sayingOf, toneOf } from "./ledger-entries.js";
import { slotHash } from "./router.js";
import { state } from "./store.js";
import { repeat } from "./vendor/lit-html/directives/repeat.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const MARKS = { good: "●", bad: "✕", calm: "·" };

/** A list of these; `ofOne` leaves the slot's name away, `all` shows what else is known of each. */
export function entryLines(entries, { ofOne = false, all = false } = {}) {
  if (!state.ledger.asked) return html`<p class="quiet">Asking ...</p>`;
  if (!entries.length) return html`<p class="quiet">${state.ledger.problem ?? "Nothing has happened here yet."}</p>`;
  return html`<ol class="lines">${repeat(entries, ({ id }) => id, (entry) => line(entry, ofOne, all))}</ol>`;
}

function line(entry, ofOne, all) {
  const at = instant(entry.at);
  const tone = toneOf(entry);
  return html`<li class="entry"><time datetime=${exactTime(at)} title=${exactTime(at)}>${clockTime(at)}</time>
    <span class="mark tone-${tone}" aria-hidden="true">${MARKS[tone]}</span>
    <div>${ofOne ? nothing : html`<a href=${slotHash(entry.slot)}><bdi>${entry.slot}</bdi></a> `}${sayingOf(entry)}${entry.code && tone === "bad" ? html` <code>${entry.code}</code>` : nothing}${all ? more(entry) : nothing}</div></li>`;
}

/** What the service tells those alone who may see it. */
function more({ details }) {
  if (!details) return nothing;
  const seconds = Object.entries(details.seconds ?? {}).map(([stage, taken]) => `${stage} ${duration(taken)}`);
  const shares = Object.entries(details.shares ?? {}).map(([alias, share]) => `${alias} ${share}%`);
  const facts = [details.trigger && `seen by ${details.trigger}`, details.gate && `gate ${details.gate}`, ...shares, ...seconds].filter(Boolean);
  return html`${details.message ? html`<p>${details.message}</p>` : nothing}
    ${details.reason ? html`<p class="quiet">${details.reason}</p>` : nothing}
    ${details.detail ? html`<pre tabindex="0" role="group" aria-label="In its own words">${details.detail}</pre>` : nothing}
    ${findingList(details.findings)}
    <p class="quiet facts">${facts.join(" · ")}</p>`;
}

/** What gates have seen and let pass. */
export function findingList(findings) {
  if (!findings?.length) return nothing;
  return html`<ul class="findings">${findings.map(({ gate, code, sentence }) => html`<li><code>${code}</code> <span class="quiet">${gate}</span> ${sentence}</li>`)}</ul>`;
}
