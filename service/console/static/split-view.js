// Who answers a slot's requests, where a tag shares them.

import { count, percent } from "./format.js";
import { versionLink } from "./links.js";
import { shareBar } from "./sparkline.js";
import { html, nothing } from "./vendor/lit-html/lit-html.js";

/** The panel's content. */
export function splitView(slot) {
  const shares = slot.arms.map(({ alias, weight }, number) => ({ share: weight, tone: `line-${(number % 8) + 1}`, label: alias }));
  const said = slot.arms.map(({ alias, weight }) => `${alias} ${Number(weight.toFixed(2))}%`).join(", ");
  return html`${shareBar(shares, `Shares of requests: ${said}`)}
    <table class="arms"><thead><tr><th scope="col">Arm</th><th scope="col">Version</th><th scope="col" class="number">Share</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Failed</th></tr></thead>
    <tbody>${slot.arms.map((arm, number) => row(slot, arm, number))}</tbody></table>`;
}

function row(slot, arm, number) {
  const wished = arm.wished !== arm.weight ? html` <span class="quiet">of ${Number(arm.wished.toFixed(2))}% wished</span>` : nothing;
  return html`<tr><th scope="row" data-name="Arm"><i class="swatch fill-line-${(number % 8) + 1}" aria-hidden="true"></i><bdi>${arm.alias}</bdi>${arm.ready ? nothing : html` <span class="state tone-warn">not ready</span>`}${arm.failure ? html`<span class="why">${arm.failure.message}</span>` : nothing}</th>
    <td data-name="Version">${versionLink(slot.name, arm.version)}</td>
    <td data-name="Share" class="number">${Number(arm.weight.toFixed(2))}%${wished}</td>
    <td data-name="Requests" class="number">${count(arm.requests)}</td>
    <td data-name="Failed" class="number">${arm.failures == null ? "–" : `${count(arm.failures)}${arm.requests ? ` (${percent(arm.failures / arm.requests)})` : ""}`}</td></tr>`;
}
