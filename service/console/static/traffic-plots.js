// Throughput and latency as plots: of every slot, or of one slot by version.

import { duration, percent, rate } from "./format.js";
import { KEPT, newestSecond, quantile, requestsOf, seriesWhere, stepped, totals } from "./series.js";
import { html } from "./vendor/lit-html/lit-html.js";
import "./plot.js";

const STEP = 5; // seconds: one second's percentiles jump about
const FAILURES_STEP = 15; // and shares of a few requests more so
const MOST = 6; // lines of one plot
const SHORTEST = 120; // seconds that are shown where there is not more yet

const labels = {
  slots: (each) => `${each.model}@${each.alias}`,
  versions: (each) => `${each.arm ? `${each.arm} ` : ""}${each.version ? `v${each.version}` : "no version"}`,
};

/** Plots of those series for which `wanted` holds, by `slots` or by `versions`. */
export function trafficPlots(by, wanted = () => true, all = false) {
  const groups = grouped(seriesWhere(wanted), labels[by]);
  if (!groups.length) return html`<p class="quiet">No request has come within the last quarter of an hour.</p>`;
  const seconds = windowOf(groups);
  const drawn = groups.map((group) => ({ ...group, ...stepped(group.series, STEP, seconds) }));
  return html`<div class=${all ? "plots" : "plots narrow"}>${[throughput(drawn), latency(drawn), ...(all || hasFailures(drawn) ? [failures(drawn)] : [])].map((plot) => html`<time-plot .plot=${plot}></time-plot>`)}</div>`;
}

/** By label, the busiest first; beyond `MOST` they share one line. */
function grouped(series, labelOf) {
  const groups = new Map();
  for (const each of series) groups.set(labelOf(each), [...(groups.get(labelOf(each)) ?? []), each]);
  const busiest = [...groups].map(([label, its]) => ({ label, series: its, requests: requestsOf(totals(its)) })).sort((a, b) => b.requests - a.requests);
  const kept = busiest.length > MOST ? busiest.slice(0, MOST - 1) : busiest;
  const rest = busiest.slice(kept.length);
  const others = rest.length ? [{ label: `${rest.length} others`, series: rest.flatMap((each) => each.series) }] : [];
  return [...kept.sort((a, b) => order(a.label, b.label)), ...others].map((group, number) => ({ ...group, color: number + 1 }));
}

const order = (a, b) => a.localeCompare(b, "en", { numeric: true });

/** As far back as there is anything to show. */
function windowOf(groups) {
  let oldest = newestSecond();
  for (const { series } of groups) for (const { points } of series) oldest = Math.min(oldest, points.keys().next().value ?? oldest);
  const wanted = Math.max(SHORTEST, Math.min(KEPT, newestSecond() - oldest + 2 * STEP));
  return Math.ceil(wanted / STEP) * STEP;
}

function throughput(drawn) {
  const lines = drawn.map(({ label, color, sums }) => ({ label, color, filled: drawn.length === 1, values: sums.map((sum) => requestsOf(sum) / STEP) }));
  return { title: "Requests a second", times: drawn[0].times, lines, format: rate };
}

function latency(drawn) {
  const of = (share, word, dashed) => ({ label, color, sums }) => ({ label: drawn.length === 1 ? word : `${label} ${word}`.trim(), color, dashed, values: sums.map(({ buckets }) => quantile(buckets, share)) });
  const lines = drawn.length > 2 ? drawn.map(of(0.99, "", false)) : drawn.flatMap((each) => [of(0.99, "p99", false)(each), of(0.5, "p50", true)(each)]);
  return { title: drawn.length > 2 ? "Latency, 99th percentile" : "Latency", times: drawn[0].times, lines, format: duration };
}

const hasFailures = (drawn) => drawn.some(({ sums }) => sums.some(({ refused, failed }) => refused + failed > 0));

function failures(drawn) {
  const share = (part) => (sum) => (requestsOf(sum) ? sum[part] / requestsOf(sum) : null);
  const coarse = drawn.map(({ series }) => stepped(series, FAILURES_STEP, STEP * drawn[0].times.length));
  const lines = drawn.map(({ label, color }, number) => ({ label, color, values: coarse[number].sums.map(share("failed")) }));
  return { title: "Share of requests that fail (5xx)", times: coarse[0].times, lines, format: percent };
}
