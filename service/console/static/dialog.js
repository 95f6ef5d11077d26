// The page's one dialog: a key and a token to come with, or a question before something is done.

import { html, nothing, render } from "./vendor/lit-html/lit-html.js";

const dialog = () => document.getElementById("dialog");

/** Shows a dialog of that title until it is closed; resolves to the word of the button. */
export function ask(title, content, buttons) {
  const box = dialog();
  render(nothing, box);
  render(
    html`<form method="dialog" @submit=${(event) => event.preventDefault()}>
      <h2 id="dialog-title">${title}</h2>
      ${content}
      <div class="buttons">${buttons.map(({ word, value, primary }) => html`<button type=${primary ? "submit" : "button"} class=${primary ? "primary" : ""} @click=${() => box.close(value)}>${word}</button>`)}</div>
    </form>`,
    box,
  );
  return shown(box);
}

function shown(box) {
  const opener = document.activeElement;
  box.returnValue = "";
  box.showModal();
  return new Promise((resolve) => {
    box.addEventListener(
      "close",
      () => {
        resolve(box.returnValue);
        // What was typed does not stay in the page.
        render(nothing, box);
        if (opener instanceof HTMLElement) opener.focus();
      },
      { once: true },
    );
  });
}
