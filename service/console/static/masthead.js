// The head of every view: where one is, how the service and the registry are, and the key.

import { held } from "./access.js";
import { instant, now } from "./clock.js";
import { span } from "./format.js";
import { isAsking } from "./key-dialog.js";
import { state } from "./store.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const VIEWS = [
  ["slots", "Slots"],
  ["ledger", "Ledger"],
  ["traffic", "Traffic"],
];
const STALE = 60; // seconds since the registry has answered

/** The head; `openKey` asks for key and token, `again` has the stream come back at once. */
export function masthead(openKey, again) {
  const here = state.route.view === "slot" ? "slots" : state.route.view;
  const link = ([view, word]) => html`<a href=${`#/${view}`} aria-current=${here === view ? "page" : nothing}>${word}</a>`;
  const has = held();
  const keyWord = has.token ? "Token in use" : has.key ? "Key in use" : "Key ...";
  return html`<div class="masthead">
    <a class="brand" href="#/slots"><img src="console/icon.svg" alt="" width="20" height="20">Podium</a>
    <nav aria-label="Views">${VIEWS.map(link)}<a href="docs">API</a></nav>
    <div class="health">${connection(again)}${registry()}</div>
    ${isAsking() ? html`<button type="button" class="small" @click=${openKey}>${keyWord}</button>` : nothing}
  </div>${troubles()}`;
}

function connection(again) {
  const { word, retryAt } = state.connection;
  if (word === "live") return html`<span class="pill tone-good" data-connection="live"><i aria-hidden="true">●</i>live</span>`;
  if (word === "connecting") return html`<span class="pill tone-busy"><i aria-hidden="true">◐</i>connecting</span>`;
  const left = Math.max(0, Math.ceil(retryAt - Date.now() / 1000));
  return html`<span class="pill tone-bad" data-connection="broken"><i aria-hidden="true">✕</i>not live, again in ${left} s</span><button type="button" class="small" @click=${again}>Now</button>`;
}

function registry() {
  const { look } = state;
  if (!look) return nothing;
  const at = instant(look.succeeded_at);
  if (look.failure) return html`<span class="pill tone-warn"><i aria-hidden="true">▲</i>registry: ${look.failure.code}</span>`;
  if (at === null) return html`<span class="pill tone-busy"><i aria-hidden="true">◐</i>registry not asked yet</span>`;
  // Looks are told with other changes alone: silence is not a sign of age.
  const age = state.lookHeard - at;
  const tone = age > STALE ? "tone-warn" : "quiet";
  return age > STALE ? html`<span class="pill ${tone}"><i aria-hidden="true">▲</i>registry answered ${span(now() - at)} ago</span>` : html`<span class="pill quiet">registry answers</span>`;
}

/** What is wrong with the whole service, and not with one slot. */
function troubles() {
  const { connection: { problem }, look, events, patterns } = state;
  const said = [
    problem && [problem.status === 401 || problem.status === 403 ? `${problem.message} Give one by the button above.` : problem.message, null],
    look?.failure && [look.failure.message, look.failure.detail],
    events && [`Events do not reach their receiver: ${events.message} ${events.lost} are lost.`, null],
    patterns?.unmatched?.length && [`No model and alias match ${patterns.unmatched.join(", ")}.`, null],
    patterns?.left_out && [`${patterns.left_out} more match, for which PODIUM_MAX_SLOTS leaves no room.`, null],
  ].filter(Boolean);
  if (!said.length) return nothing;
  return html`<div class="troubles" role="region" aria-label="Troubles of the service">${said.map(([text, detail]) => html`<p>${text}${detail ? html` <code>${detail}</code>` : nothing}</p>`)}</div>`;
}
