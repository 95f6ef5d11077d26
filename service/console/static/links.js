// Links that lead out of the page: http(s) alone, whatever a name or a setting says.

import { html } from "./vendor/lit-html/lit-html.js";
import { state } from "./store.js";

/** The address if it is one of the web's, without a user's name in it; null otherwise. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    const web = url.protocol === "http:" || url.protocol === "https:";
    return web && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

/** A link out, or its text where there is no address for it. */
export function outward(address, text, label) {
  const href = address == null ? null : webAddress(address);
  if (href === null) return html`${text}`;
  return html`<a class="out" href=${href} target="_blank" rel="noopener noreferrer" aria-label=${label ?? `${text} (a new tab)`}>${text}</a>`;
}

/** A version, which leads to its page of MLflow where the page knows MLflow's address. */
export function versionLink(name, version) {
  if (version == null) return html`<span class="quiet">nothing</span>`;
  if (!/^\d+$/.test(version)) return html`<span class="version">${version}</span>`;
  return html`<span class="version">${outward(below(`models/${encodeURIComponent(name)}/versions/${version}`), `v${version}`, `v${version} of ${name} in MLflow (a new tab)`)}</span>`;
}

/** A registered model's page of MLflow. */
export const modelLink = (name) => outward(below(`models/${encodeURIComponent(name)}`), "Model in MLflow", `Model in MLflow: ${name} (a new tab)`);

/** Whether there is an MLflow to lead to. */
export const hasMlflow = () => below("") !== null;

/** An address of MLflow's page: its fragment says what it shows, whatever stands before that. */
function below(path) {
  const base = state.settings?.mlflow_url == null ? null : webAddress(state.settings.mlflow_url);
  return base === null ? null : `${base.split("#")[0]}#/${path}`;
}
