// Latency and throughput by slot and version over the last quarter of an hour.

import { count, duration, percent, rate } from "./format.js";
import { versionLink } from "./links.js";
import { slotHash } from "./router.js";
import { quantile, requestsOf, seriesWhere, stepped, totals } from "./series.js";
import { sparkline } from "./sparkline.js";
import { trafficPlots } from "./traffic-plots.js";
import { repeat } from "./vendor/lit-html/directives/repeat.js";
import { html } from "./vendor/lit-html/lit-html.js";

const RECENT = 60; // seconds

/** The view. */
export function trafficView() {
  return html`<h1 tabindex="-1">Traffic</h1>
    <section class="panel" aria-label="Plots">${trafficPlots("slots", () => true, true)}</section>
    <section class="panel" aria-labelledby="versions-title"><h2 id="versions-title">By version, over 15 minutes</h2>${table()}</section>`;
}

function table() {
  const rows = seriesWhere(() => true).map((series) => ({ series, sum: totals([series]), now: totals([series], RECENT) }));
  if (!rows.length) return html`<p class="quiet">No request has come within the last quarter of an hour.</p>`;
  rows.sort((a, b) => requestsOf(b.sum) - requestsOf(a.sum));
  const heads = ["Requests", "Now", "p50", "p90", "p99", "Refused (4xx)", "Failed (5xx)"];
  return html`<table class="versions">
    <thead><tr><th scope="col">Slot</th><th scope="col">Version</th>${heads.map((word) => html`<th scope="col" class="number">${word}</th>`)}</tr></thead>
    <tbody>${repeat(rows, ({ series }) => JSON.stringify([series.model, series.alias, series.arm, series.version]), row)}</tbody>
  </table>`;
}

function row({ series, sum, now }) {
  const ref = `${series.model}@${series.alias}`;
  const all = requestsOf(sum);
  const cell = (name, text) => html`<td class="number" data-name=${name}>${text}</td>`;
  return html`<tr>
    <th scope="row" data-name="Slot"><a href=${slotHash(ref)}><bdi>${ref}</bdi></a></th>
    <td data-name="Version">${series.version ? versionLink(series.model, series.version) : html`<span class="quiet">none</span>`}${series.arm ? html` <span class="quiet">arm <bdi>${series.arm}</bdi></span>` : ""}</td>
    ${cell("Requests", count(all))}
    <td class="number" data-name="Now"><span class="with-spark">${sparkline(stepped([series], 10, 300).sums.map(requestsOf))}<span>${rate(requestsOf(now) / RECENT)}</span></span></td>
    ${[0.5, 0.9, 0.99].map((share) => cell(`p${100 * share}`, duration(quantile(sum.buckets, share))))}
    ${cell("Refused (4xx)", sum.refused ? `${count(sum.refused)} (${percent(sum.refused / all)})` : "0")}
    ${cell("Failed (5xx)", sum.failed ? `${count(sum.failed)} (${percent(sum.failed / all)})` : "0")}
  </tr>`;
}
