// Asks for the API key and the admin token; both stay in memory.

import { held, keep } from "./access.js";
import { ask } from "./dialog.js";
import { state } from "./store.js";
import { html } from "./vendor/lit-html/lit-html.js";

const FIELDS = [
  ["key", "API key", "Shows contracts and examples, and lets you try predictions."],
  ["token", "Admin token", "Shows why a version was refused in full, and lets you reload."],
];

/** Whether the service knows any: a field that nothing would be done with is not shown. */
function isUsed(name) {
  const { settings } = state;
  return settings === null || (name === "key" ? settings.keys : settings.admin);
}

/** Whether there is anything to ask for. */
export const isAsking = () => FIELDS.some(([name]) => isUsed(name));

/** Asks, and calls `changed` where something was given or taken away. */
export async function askForKey(changed) {
  const given = { key: "", token: "" };
  const field = ([name, label, means]) => html`<label>${label}
    <input type="password" name=${name} autocomplete="off" spellcheck="false" aria-describedby=${`means-${name}`} @input=${(event) => (given[name] = event.target.value)}>
    <small id=${`means-${name}`} class="quiet">${means}</small></label>`;
  const content = html`${FIELDS.filter(([name]) => isUsed(name)).map(field)}
    <p class="quiet">They stay in this page's memory alone: closing or reloading the page forgets them.</p>`;
  const has = held();
  const forget = has.key || has.token ? [{ word: "Forget both", value: "forget" }] : [];
  const buttons = [{ word: "Use", value: "use", primary: true }, ...forget, { word: "Cancel", value: "" }];
  const answer = await ask("Key and token", content, buttons);
  if (answer === "forget") keep("", "");
  if (answer === "use" && (given.key || given.token)) keep(given.key, given.token);
  if (answer) changed();
}
