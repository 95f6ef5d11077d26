// `<time-plot>`: lines over the last minutes, with a legend that tells the values under the pointer.

import { clockTime } from "./format.js";
import uPlot from "./vendor/uplot/uPlot.esm.js";

const HEIGHT = 148;
const schemes = matchMedia("(prefers-color-scheme: dark)");

class TimePlot extends HTMLElement {
  #chart = null;
  #shape = "";
  #told = null;
  #values = [];
  #sizes = new ResizeObserver(() => this.#resize());
  #again = () => this.#draw(true);

  /** `{title, times, lines: [{label, values, color, dashed}], format, sync}`; times in seconds since 1970. */
  set plot(plot) {
    this.#told = plot;
    if (this.isConnected) this.#draw(false);
  }

  connectedCallback() {
    this.#sizes.observe(this);
    schemes.addEventListener("change", this.#again);
    if (this.#told) this.#draw(true);
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
    schemes.removeEventListener("change", this.#again);
    this.#destroy();
  }

  #draw(anew) {
    const { title, times, lines } = this.#told;
    const shape = JSON.stringify([title, lines.map(({ label, color, dashed }) => [label, color, dashed])]);
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", this.#summary());
    const data = [times, ...lines.map((line) => line.values)];
    if (anew || shape !== this.#shape) this.#make(shape, data);
    else this.#chart.setData(data);
    this.#tell(this.#chart.cursor.idx ?? null);
  }

  #make(shape, data) {
    this.#destroy();
    this.#shape = shape;
    this.replaceChildren(this.#legend());
    this.#chart = new uPlot(this.#options(), data, this);
  }

  #destroy() {
    this.#chart?.destroy();
    this.#chart = null;
  }

  #resize() {
    if (this.#chart && this.clientWidth) this.#chart.setSize({ width: this.clientWidth, height: HEIGHT });
  }

  /** In words, for who does not see it: each line's newest and largest value. */
  #summary() {
    const { title, lines, format } = this.#told;
    const said = lines.map(({ label, values }) => {
      const there = values.filter((value) => value != null);
      return there.length ? `${label}: now ${format(there.at(-1))}, at most ${format(Math.max(...there))}` : `${label}: nothing`;
    });
    return `${title}. ${said.join("; ") || "Nothing yet"}.`;
  }

  #legend() {
    const legend = document.createElement("div");
    legend.className = "legend";
    const time = document.createElement("span");
    time.className = "legend-time";
    this.#values = [time];
    const title = document.createElement("strong");
    title.textContent = this.#told.title;
    legend.append(title);
    for (const { label, color, dashed } of this.#told.lines) legend.append(this.#key(label, color, dashed));
    legend.append(time);
    return legend;
  }

  #key(label, color, dashed) {
    const [key, swatch, value] = ["span", "i", "b"].map((name) => document.createElement(name));
    swatch.style.backgroundColor = dashed ? "transparent" : `var(--line-${color})`;
    swatch.style.borderColor = `var(--line-${color})`;
    this.#values.push(value);
    key.append(swatch, label, " ", value);
    return key;
  }

  /** Values at that place; the newest where the pointer is elsewhere. */
  #tell(place) {
    const { times, lines, format } = this.#told;
    const at = place ?? times.length - 1;
    this.#values[0].textContent = place == null ? "" : clockTime(times[at]);
    lines.forEach(({ values }, number) => {
      const element = this.#values[number + 1];
      if (element) element.textContent = format(values[at] ?? null);
    });
  }

  #options() {
    const style = getComputedStyle(this);
    const ink = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: ink("--quiet"), grid: { stroke: ink("--hair"), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
    const hour = (splits) => splits.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }));
    return {
      width: this.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      padding: [6, 18, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: "time" } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
      axes: [
        { ...axis, space: 64, size: 26, incrs: [60, 120, 300, 600], values: (_, splits) => hour(splits) },
        { ...axis, size: 58, space: 28, values: (_, splits) => splits.map((value) => this.#told.format(value)) },
      ],
      series: [{}, ...this.#told.lines.map((line) => this.#line(line, ink))],
      hooks: { setCursor: [(chart) => this.#tell(chart.cursor.idx)] },
    };
  }

  #line({ label, color, dashed, filled }, ink) {
    const stroke = ink(`--line-${color}`);
    return { label, stroke, width: 1.6, dash: dashed ? [4, 3] : undefined, fill: filled ? `${stroke}26` : undefined, points: { show: false }, spanGaps: false };
  }
}

customElements.define("time-plot", TimePlot);
