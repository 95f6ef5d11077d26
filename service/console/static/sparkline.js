// A small line of the last minutes for a row of a table.

import { html, svg } from "./vendor/lit-html/lit-html.js";

const [WIDTH, HEIGHT] = [88, 20];

/** Of values from 0 on; nothing of them is told to who does not see it: the number stands beside it. */
export function sparkline(values) {
  const most = Math.max(...values, 0);
  if (most === 0) return html`<span class="spark"></span>`;
  const at = (value, place) => `${((place / Math.max(1, values.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 1.5 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
  const line = values.map(at).join(" ");
  const area = `0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" width=${WIDTH} height=${HEIGHT} aria-hidden="true" focusable="false">${svg`<polygon points=${area}></polygon><polyline points=${line}></polyline>`}</svg>`;
}

/** A bar of shares: `[{share, tone, label}]`, each told in words too. */
export function shareBar(parts, label) {
  const whole = parts.reduce((sum, { share }) => sum + share, 0) || 1;
  let from = 0;
  const drawn = parts.map(({ share, tone }) => {
    const [x, width] = [(100 * from) / whole, (100 * share) / whole];
    from += share;
    return svg`<rect class=${`fill-${tone}`} x=${x} y="0" width=${width} height="10"></rect>`;
  });
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=${label}>${drawn}</svg>`;
}
