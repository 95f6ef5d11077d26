// What requests must be: the version's signature as tables.

import { html, nothing } from "./vendor/lit-html/lit-html.js";

const MOST = 60; // columns that are shown until somebody asks for all
const PARTS = [
  ["inputs", "Inputs"],
  ["outputs", "Outputs"],
  ["params", "Parameters"],
];

/** The panel's content; `detail` is null until it is known. */
export function contractView(detail) {
  if (!detail) return html`<p class="quiet">Asking ...</p>`;
  const { signature } = detail;
  if (!signature) return html`<p class="quiet">${detail.version ? "It is shown to who comes with a key." : "Nothing serves."}</p>`;
  const parts = PARTS.filter(([part]) => signature[part]?.length);
  return html`${signature.unsigned ? html`<p>It was logged without a signature: requests are not checked against one.</p>` : nothing}
    ${parts.map(([part, title]) => table(title, signature[part], part === "inputs"))}
    ${detail.row_wise == null ? nothing : html`<p class="quiet">Requests ${detail.row_wise ? "may" : "do not"} share calls of the model: ${detail.row_wise_reason}</p>`}`;
}

function table(title, entries, open) {
  const shown = entries.slice(0, MOST);
  const name = (entry, place) => (entry.name == null ? html`<span class="quiet">${place}</span>` : html`<bdi>${entry.name}</bdi>`);
  const caption = `${title} (${entries.length})`;
  return html`<details ?open=${open}><summary>${caption}</summary><div class="scroll" tabindex="0" role="region" aria-label=${caption}><table class="columns">
    <thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">${title === "Parameters" ? "Default" : "Needed"}</th></tr></thead>
    <tbody>${shown.map((entry, place) => html`<tr><th scope="row">${name(entry, place)}</th><td><code>${typeOf(entry)}</code></td><td>${title === "Parameters" ? html`<code>${JSON.stringify(entry.default ?? null)}</code>` : entry.required === false || entry.optional ? "optional" : "yes"}</td></tr>`)}</tbody>
  </table></div>${entries.length > MOST ? html`<p class="quiet">And ${entries.length - MOST} more: <a href="docs">the API's document</a> has all of them.</p>` : nothing}</details>`;
}

/** A type in one line, as deep as it goes within reason. */
function typeOf(entry, depth = 0) {
  const { type } = entry;
  if (depth > 3) return "...";
  if (type === "tensor") return `${entry["tensor-spec"]?.dtype} [${entry["tensor-spec"]?.shape?.map((size) => (size === -1 ? "any" : size)).join(", ")}]`;
  if (type === "array") return `array of ${typeOf(entry.items ?? {}, depth + 1)}`;
  if (type === "map") return `map of ${typeOf(entry.values ?? {}, depth + 1)}`;
  if (type === "object") return `{${Object.entries(entry.properties ?? {}).slice(0, 8).map(([name, its]) => `${name}: ${typeOf(its, depth + 1)}`).join(", ")}}`;
  const shape = entry.shape ? " [any]" : "";
  return `${type ?? "any"}${shape}`;
}
