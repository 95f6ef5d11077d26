// The processes that predict for a slot's version, and what they run in.

import { bytes, count } from "./format.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

/** The panel's content; `detail` is null until it is known. */
export function hostsView(slot, detail) {
  const { environment } = slot;
  const hosts = detail?.hosts;
  if (!environment && !hosts) return html`<p class="quiet">Nothing is loaded.</p>`;
  return html`<dl class="facts-list">
    ${hosts ? html`${fact("Processes", count(hosts.hosts))}${fact("Memory", bytes(hosts.memory_bytes))}${fact("Waiting requests", count(hosts.waiting))}${fact("Restarts", hosts.restarts ? html`<span class="tone-warn state">${count(hosts.restarts)}</span>` : "0")}` : nothing}
    ${environment ? environmentFacts(environment) : nothing}
  </dl>`;
}

function environmentFacts({ key, python, packages, zygote_memory_bytes: libraries, awaited }) {
  const own = key ? html`its own, <code title=${key}>${key.slice(0, 12)}</code>` : awaited ? "Podium's own, until its own can be built" : "Podium's own";
  return html`${fact("Environment", own)}${fact("Python", python)}${packages == null ? nothing : fact("Packages", count(packages))}${libraries == null ? nothing : fact("Libraries, once for all", bytes(libraries))}`;
}

const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
