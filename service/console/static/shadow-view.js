// What a slot's shadow would have answered, beside what was answered.

import { bytes, count, duration, percent, small } from "./format.js";
import { versionLink } from "./links.js";
import { shareBar } from "./sparkline.js";
import { html, nothing, svg } from "./vendor/lit-html/lit-html.js";

const STATES = {
  off: ["off", "calm"],
  waiting: ["waiting", "busy"],
  loading: ["loading", "busy"],
  listening: ["listening", "good"],
  same_version: ["is the version that serves", "calm"],
  not_allowed: ["not allowed", "warn"],
  failed: ["failed", "bad"],
};

/** The panel's content; `report` is null until it is known. */
export function shadowView(slot, report) {
  const { shadow } = slot;
  const [word, tone] = STATES[shadow.state] ?? [shadow.state, "calm"];
  return html`<p class="headline"><span class="state tone-${tone}">${word}</span> <bdi>${shadow.alias}</bdi>, ${versionLink(slot.name, shadow.version)} hears of ${Number(shadow.percent.toFixed(2))}% of requests, in ${bytes(shadow.memory_bytes)}.</p>
    ${shadow.failure ? html`<p class="reason"><code>${shadow.failure.code}</code> ${shadow.failure.message}</p>` : nothing}
    ${report && report.requests.heard ? comparison(report) : html`<p class="quiet">Nothing is compared yet.</p>`}`;
}

function comparison(report) {
  return html`${rows(report.rows)}${requests(report)}${latencies(report)}${differences(report.absolute_difference)}${labels(report)}`;
}

function rows({ compared, equal, close, different, different_share: share }) {
  const parts = [
    { share: equal, tone: "good", label: "equal" },
    { share: close, tone: "busy", label: "close" },
    { share: different, tone: "bad", label: "different" },
  ];
  return html`<h3>${compared ? `${percent(share)} of ${count(compared)} rows differ` : "No rows are compared yet"}</h3>
    ${compared ? html`${shareBar(parts, `Rows: ${count(equal)} equal, ${count(close)} close, ${count(different)} different`)}${key(parts)}` : nothing}`;
}

const key = (parts) => html`<p class="key">${parts.map(({ share, tone, label }) => html`<span><i class="swatch fill-${tone}" aria-hidden="true"></i>${label} <b>${count(share)}</b></span>`)}</p>`;

function requests({ requests }) {
  const sum = (counts) => Object.values(counts).reduce((whole, each) => whole + (each.count ?? each), 0);
  const facts = [
    ["heard of", requests.heard],
    ["compared", requests.compared],
    ["with a row that differs", requests.different],
    ["it alone failed", sum(requests.shadow_failed_alone)],
    ["it alone answered", sum(requests.failed_alone)],
    ["both failed", requests.both_failed],
    ["waiting", requests.waiting],
    ["dropped", sum(requests.dropped)],
  ];
  const dropped = Object.values(requests.dropped).filter(({ count }) => count > 0);
  return html`<h3>Requests</h3><dl class="facts-list tight">${facts.map(([name, number]) => html`<div><dt>${name}</dt><dd>${count(number)}</dd></div>`)}</dl>
    ${dropped.map(({ count: number, message }) => html`<p class="quiet">${count(number)} dropped: ${message}</p>`)}`;
}

const [WIDTH, LEFT, ROW] = [420, 104, 26];

/** Both versions' calls on one scale: from the median by the ninetieth to the ninety-ninth hundredth. */
function latencies({ seconds, shadow_seconds: shadow, version, shadow_version: other }) {
  const lines = [
    [`v${version}, serves`, seconds, 1],
    [`v${other}, shadow`, shadow, 2],
  ].filter(([, spread]) => spread.p50 != null);
  if (!lines.length) return nothing;
  const most = Math.max(...lines.map(([, { p99 }]) => p99)) * 1.15;
  const x = (value) => LEFT + (value / most) * (WIDTH - LEFT - 60);
  const said = lines.map(([name, { p50, p90, p99 }]) => `${name}: half within ${duration(p50)}, 90% within ${duration(p90)}, 99% within ${duration(p99)}`).join("; ");
  const drawn = lines.map(([name, { p50, p90, p99 }, color], place) => {
    const y = place * ROW + 14;
    return svg`<text x="0" y=${y + 4}>${name}</text><line class=${`stroke-${color} soft`} x1=${x(p50)} x2=${x(p99)} y1=${y} y2=${y}></line><line class=${`stroke-${color}`} x1=${x(p50)} x2=${x(p90)} y1=${y} y2=${y}></line><circle class=${`fill-line-${color}`} cx=${x(p50)} cy=${y} r="5"></circle><circle class=${`fill-line-${color}`} cx=${x(p99)} cy=${y} r="3"></circle><text x=${x(p99) + 8} y=${y + 4}>${duration(p99)}</text>`;
  });
  return html`<h3>Calls of the model: median, 90% and 99%</h3><svg class="dumbbells" viewBox="0 0 ${WIDTH} ${lines.length * ROW}" role="img" aria-label=${said}>${drawn}</svg>
    <p class="quiet facts">${lines.map(([name, { p50, p90, p99 }]) => `${name}: ${duration(p50)}, ${duration(p90)}, ${duration(p99)}`).join(" · ")}</p>`;
}

function differences({ count: number, p50, p90, p99, largest }) {
  if (!number) return nothing;
  return html`<h3>How far numbers are apart</h3><dl class="facts-list tight">${[["median", p50], ["90%", p90], ["99%", p99], ["largest", largest]].map(([name, value]) => html`<div><dt>${name}</dt><dd>${small(value)}</dd></div>`)}</dl>`;
}

function labels({ labels: changed, other_labels: others }) {
  if (!changed?.length) return nothing;
  const most = changed[0].count;
  return html`<h3>Labels that became others</h3><table class="labels"><thead><tr><th scope="col">Served</th><th scope="col">Shadow</th><th scope="col">Rows</th></tr></thead><tbody>${changed.slice(0, 12).map(
    ({ served, shadow, count: number }) => html`<tr><td><bdi>${String(served)}</bdi></td><td><bdi>${String(shadow)}</bdi></td><td><svg class="tiny" viewBox="0 0 100 8" width="100" height="8" preserveAspectRatio="none" aria-hidden="true"><rect class="fill-bad" x="0" y="0" height="8" width=${(100 * number) / most}></rect></svg> ${count(number)}</td></tr>`,
  )}</tbody></table>${others ? html`<p class="quiet">And ${count(others)} rows with other labels.</p>` : nothing}`;
}
