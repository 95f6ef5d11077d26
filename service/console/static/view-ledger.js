// The ledger: every swap and refusal, newest first, with a filter.

import { held } from "./access.js";
import { OUTCOMES, askEntries, filtered } from "./ledger-entries.js";
import { entryLines } from "./ledger-lines.js";
import { state, update } from "./store.js";
import { live } from "./vendor/lit-html/directives/live.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

/** The view. */
export function ledgerView() {
  const { entries, older, asked } = state.ledger;
  const shown = filtered(entries, state.filter.ledger, state.filter.outcome);
  const set = (name) => (event) => update({ filter: { ...state.filter, [name]: event.target.value } });
  return html`<h1 tabindex="-1">Ledger</h1>
    <section class="panel" aria-label="Ledger">
      <div class="bar-line">
        <label class="filter"><span class="unseen">Filter the ledger</span><input id="filter" type="search" placeholder="Filter  /" autocomplete="off" .value=${live(state.filter.ledger)} @input=${set("ledger")}></label>
        <label>Outcome <select .value=${live(state.filter.outcome)} @change=${set("outcome")}><option value="">all</option>${OUTCOMES.map((word) => html`<option value=${word}>${word.replaceAll("_", " ")}</option>`)}</select></label>
        <span class="quiet" role="status">${asked ? `${shown.length} of ${entries.length} lines` : ""}</span>
      </div>
      ${held().token ? nothing : html`<p class="quiet">Why, by whom and how long each stage took is shown with the admin token.</p>`}
      ${entryLines(shown, { all: true })}
      ${older ? html`<button type="button" @click=${() => askEntries(true)}>Older lines</button>` : nothing}
    </section>`;
}
