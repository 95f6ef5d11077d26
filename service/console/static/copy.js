// A line to copy: the text itself, which may be selected too, and a button that copies it.

import { announce } from "./announcer.js";
import { html } from "./vendor/lit-html/lit-html.js";

/** `line` null: it cannot be typed safely, which is said instead. */
export function copyLine(line, when) {
  if (line === null) {
    return html`<p class="command"><span>${when}</span><em class="quiet">The name holds characters that cannot be typed safely; use MLflow's page.</em></p>`;
  }
  return html`<div class="command">
    <span>${when}</span>
    <div class="line"><code tabindex="0" role="group" aria-label="Command">${line}</code><button type="button" class="small" @click=${(event) => copy(line, event.currentTarget)} aria-label=${`Copy: ${line}`}>Copy</button></div>
  </div>`;
}

async function copy(line, button) {
  const done = await copied(line, button);
  announce(done ? "Copied." : "It could not be copied: select the text.");
  button.textContent = done ? "Copied" : "Select it";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

async function copied(line, button) {
  try {
    await navigator.clipboard.writeText(line);
    return true;
  } catch {
    // Without TLS browsers have no clipboard but this one.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    return document.execCommand("copy");
  }
}
