// A request to the slot's real route: what it is sent stays here, what it answers is shown as text.

import { Problem, asked, held, predictingHeaders } from "./access.js";
import { announce } from "./announcer.js";
import { copyLine } from "./copy.js";
import { count, duration } from "./format.js";
import { commandLine, serviceUrl } from "./remedies.js";
import { slotAddress } from "./router.js";
import { refOf, touch } from "./store.js";
import { live } from "./vendor/lit-html/directives/live.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const LONGEST = 20000; // characters of an answer that are shown
const LONGEST_LINE = 2000; // characters of a command that anybody would paste

let form = { ref: null, body: "", example: null, touched: false, answer: null, sending: false };

/** The panel's content; `detail` is null until it is known. */
export function tryIt(slot, detail) {
  const ref = refOf(slot);
  if (form.ref !== ref) form = { ref, body: "", example: null, touched: false, answer: null, sending: false };
  const example = detail?.serving_example == null ? null : JSON.stringify(detail.serving_example, null, 2);
  if (example !== null && example !== form.example && !form.touched) Object.assign(form, { body: example, example });
  if (slot.arm) return html`<p class="quiet">An arm has no route of its own: its slot's requests reach it.</p>`;
  const typed = (event) => Object.assign(form, { body: event.target.value, touched: true });
  const onKey = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && send(ref);
  return html`<label class="stacked" for="try-body">Body of the request</label>
    <textarea id="try-body" rows="9" spellcheck="false" .value=${live(form.body)} @input=${typed} @keydown=${onKey} aria-describedby="try-note"></textarea>
    <p id="try-note" class="quiet">${note(detail)}</p>
    <div class="buttons"><button type="button" class="primary" ?disabled=${form.sending} @click=${() => send(ref)}>${form.sending ? "Asking ..." : "Predict"}</button>
      ${example !== null && form.touched ? html`<button type="button" @click=${() => (Object.assign(form, { body: example, touched: false }), touch())}>The example again</button>` : nothing}</div>
    <div role="status" aria-live="polite">${form.answer ? answer(form.answer) : nothing}</div>
    ${curl(ref)}`;
}

function note(detail) {
  if (detail && detail.serving_example == null) return "The version has no example, or it is shown to who comes with a key.";
  return "It is the version's own input example. Ctrl+Enter sends it, and it counts as any request.";
}

function curl(ref) {
  const url = `${serviceUrl()}/${slotAddress(ref, "/predict")}`;
  const auth = held().key ? ["-H", "Authorization: Bearer $PODIUM_KEY"] : [];
  const body = oneLine(form.body);
  if (body === null || body.length > LONGEST_LINE) return nothing;
  const line = commandLine("curl", url, "-H", "Content-Type: application/json", ...auth, "-d", body);
  // A variable is filled in between double quotes alone.
  return copyLine(line?.replace("'Authorization: Bearer $PODIUM_KEY'", '"Authorization: Bearer $PODIUM_KEY"') ?? null, "The same in a terminal");
}

function oneLine(body) {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    return null;
  }
}

async function send(ref) {
  if (form.sending) return;
  const about = form;
  Object.assign(about, { sending: true });
  touch();
  about.answer = await answerTo(slotAddress(ref, "/predict"), about.body);
  about.sending = false;
  announce(about.answer.said);
  touch();
}

async function answerTo(address, body) {
  const began = performance.now();
  try {
    const headers = { "Content-Type": "application/json", ...predictingHeaders() };
    const reply = await asked(address, { method: "POST", headers, body });
    const text = await reply.text();
    const seconds = (performance.now() - began) / 1000;
    return read(reply, text, seconds);
  } catch (problem) {
    if (problem instanceof Problem) return { ok: false, said: problem.message, facts: [], text: "" };
    throw problem;
  }
}

function read(reply, text, seconds) {
  const header = (name) => reply.headers.get(name);
  const version = header("podium-version");
  const alias = header("podium-alias");
  const said = reply.ok ? `Version ${version ?? "?"} has answered` : `Refused: ${reply.status}`;
  const facts = [`${reply.status}`, alias && `arm ${decoded(alias)}`, duration(seconds), header("x-request-id") && `id ${header("x-request-id")}`].filter(Boolean);
  return { ok: reply.ok, said, facts, text: pretty(text) };
}

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function answer({ ok, said, facts, text }) {
  const cut = text.length > LONGEST;
  return html`<p class="answer-line"><span class="state tone-${ok ? "good" : "bad"}"><i aria-hidden="true">${ok ? "●" : "✕"}</i>${said}</span> <span class="quiet">${facts.join(" · ")}</span></p>
    <pre class="answer" tabindex="0" role="group" aria-label="Answer">${cut ? text.slice(0, LONGEST) : text}</pre>
    ${cut ? html`<p class="quiet">And ${count(text.length - LONGEST)} characters more.</p>` : nothing}`;
}
