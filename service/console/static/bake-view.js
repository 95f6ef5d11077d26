// How what a slot serves bakes: beside what was proven before it.

import { instant, now } from "./clock.js";
import { clockTime, count, percent, span } from "./format.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

const NEEDED = 100; // requests that a version must have had before it is proven

/** The panel's content. */
export function bakeView(slot) {
  const { bake } = slot;
  const [since, until, most] = [bake.since, bake.until, bake.most_until].map(instant);
  const end = bake.unproven ? most : until;
  const left = Math.max(0, end - now());
  const past = (now() - since) / Math.max(1, end - since);
  const beside = bake.older ? html` that it does no worse than version ${bake.older}` : nothing;
  return html`<p class="headline">${left > 0 ? html`Version ${slot.version} has <b>${span(left)}</b> more to show${beside}.` : html`The time of version ${slot.version} is over: it is about to be judged.`}</p>
    ${meter("Time", Math.min(1, past), `${clockTime(since)} to ${clockTime(end)}`)}
    ${meter("Requests", Math.min(1, bake.requests / NEEDED), `${count(bake.requests)} of ${NEEDED} needed`)}
    <h3>Requests that speak against it</h3>
    ${bars([
      [`v${slot.version}, bakes`, bake.failures, bake.requests, 1],
      ...(bake.older ? [[`v${bake.older}, proven`, bake.older_failures, bake.older_requests, 2]] : []),
    ])}
    <p class="quiet">${count(bake.failed)} failed; ${count(bake.tried)} of these were tried with the older version, and ${count(bake.spared)} do not count: they fail with it as well.${bake.unproven ? " Too few requests have come in its time, so that it is watched for longer." : ""}</p>`;
}

function meter(name, share, text) {
  return html`<div class="meter"><span>${name}</span><progress max="1" value=${share} aria-label=${name}></progress><span class="quiet">${text}</span></div>`;
}

function bars(lines) {
  const most = Math.max(...lines.map(([, failures, requests]) => failures / Math.max(1, requests)), 0.01);
  return html`<table class="labels"><tbody>${lines.map(([name, failures, requests, color]) => {
    const share = failures / Math.max(1, requests);
    return html`<tr><th scope="row">${name}</th><td><svg class="tiny" viewBox="0 0 100 8" preserveAspectRatio="none" width="160" height="10" aria-hidden="true"><rect class="track" x="0" y="0" width="100" height="8"></rect><rect class=${`fill-line-${color}`} x="0" y="0" height="8" width=${(100 * share) / most}></rect></svg></td><td class="number">${requests ? percent(share) : "–"}</td><td class="quiet number">${count(failures)} of ${count(requests)}</td></tr>`;
  })}</tbody></table>`;
}
