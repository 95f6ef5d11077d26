// Numbers and times as people read them.

import { now } from "./clock.js";

const UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** A span of seconds in its largest unit: `4 min`; below ten seconds with a decimal where asked. */
export function span(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, seconds);
  for (const [size, unit] of UNITS) if (whole >= size) return `${Math.floor(whole / size)} ${unit}`;
  return "0 s";
}

/** How long ago that instant was. */
export const ago = (at) => (at == null ? "–" : now() - at < 5 ? "just now" : `${span(now() - at)} ago`);

/** A short duration: `820 µs`, `12 ms`, `1.35 s`. */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1e3)} ms`;
  if (seconds < 120) return `${digits(seconds)} s`;
  return span(seconds);
}

/** A number with three digits that count. */
export function digits(number) {
  if (number == null || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  if (size >= 100 || Number.isInteger(number)) return count(Math.round(number));
  return size >= 10 ? number.toFixed(1) : number.toFixed(size < 0.01 && size > 0 ? 4 : 2);
}

/** A number of three digits that count, of any size: `0.00012`, `3.4e-9`. */
export function small(number) {
  if (number == null || !Number.isFinite(number)) return "–";
  return number !== 0 && Math.abs(number) < 0.001 ? number.toPrecision(2) : digits(number);
}

/** A whole number with its thousands set apart. */
export const count = (number) => (number == null ? "–" : Number(number).toLocaleString("en-US"));

/** A rate a second. */
export const rate = (number) => (number == null ? "–" : `${digits(number)}/s`);

/** Bytes in the unit that fits. */
export function bytes(number) {
  if (number == null) return "–";
  let [size, unit] = [number, 0];
  while (size >= 1024 && unit < 4) [size, unit] = [size / 1024, unit + 1];
  return `${digits(unit ? Number(size.toFixed(size < 10 ? 1 : 0)) : size)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

/** A share of one as a percentage; what is there at all is never shown as none. */
export function percent(share) {
  if (share == null || !Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.001) return "< 0.1%";
  if (share < 1 && share > 0.999) return "> 99.9%";
  return `${Number((100 * share).toFixed(1))}%`;
}

/** The time of day, with the day where that is not today. */
export function clockTime(at) {
  if (at == null) return "–";
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString("en-GB");
  const today = new Date(now() * 1000).toDateString() === date.toDateString();
  return today ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

/** The whole instant, in UTC, for who points at it. */
export const exactTime = (at) => (at == null ? "" : new Date(at * 1000).toISOString());
