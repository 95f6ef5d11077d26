// The service's time, in seconds since 1970: the browser's own clock may be wrong.

let skew = 0;
const TOLERATED = 2; // seconds: a `Date` header is cut to whole ones, and replies take time

/** Seconds since 1970, by the service's clock. */
export const now = () => Date.now() / 1000 + skew;

/** Takes a reply's `Date` header into account. */
export function heardDate(header) {
  const said = Date.parse(header ?? "") / 1000;
  if (Number.isNaN(said)) return;
  const off = said - Date.now() / 1000;
  skew = Math.abs(off) > TOLERATED ? off : 0;
}

/** Seconds since 1970 of an ISO time; null of none. */
export function instant(text) {
  const milliseconds = text == null ? NaN : Date.parse(text);
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}
