// The one thing that the page asks the service to do: look at the registry now, after a question.

import { Problem, adminHeaders, asked, held, reasonOf } from "./access.js";
import { announce } from "./announcer.js";
import { ask } from "./dialog.js";
import { slotAddress } from "./router.js";
import { refOf, state } from "./store.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

/** The button; it asks for the admin token first where there is none. */
export function reloadButton(slot, askForToken) {
  // Without an admin token of the service nobody may.
  if (state.settings?.admin === false) return nothing;
  return html`<button type="button" @click=${() => reload(slot, askForToken)}>Reload ...</button>`;
}

async function reload(slot, askForToken) {
  if (!held().token) {
    await askForToken();
    if (!held().token) return;
  }
  const again = slot.verdict ? "?again=true" : "";
  const lifted = slot.quarantined ? ` It tries version ${slot.quarantined} again.` : "";
  const forgiven = again ? ` Version ${slot.verdict.version}, which gave way, is tried again.` : "";
  const question = html`<p>The service looks at the registry now, for <b>${refOf(slot)}</b>.${lifted}${forgiven} What serves goes on serving.</p>`;
  const answer = await ask("Reload?", question, [{ word: "Reload", value: "yes", primary: true }, { word: "Cancel", value: "" }]);
  if (answer === "yes") await tell(slot, again);
}

async function tell(slot, again) {
  const said = await outcome(slotAddress(refOf(slot), `/reload${again}`));
  announce(said);
  await ask("Reload", html`<p>${said}</p>`, [{ word: "Close", value: "", primary: true }]);
}

async function outcome(address) {
  try {
    const answer = await asked(address, { method: "POST", headers: adminHeaders() });
    return answer.ok ? "The service looks at the registry." : await reasonOf(answer);
  } catch (problem) {
    if (problem instanceof Problem) return problem.message;
    throw problem;
  }
}
