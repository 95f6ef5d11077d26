// Counts and latencies by version and second, of the last 15 minutes: kept, added up, made into plots.

/** Seconds that are kept. */
export const KEPT = 900;

const all = new Map(); // by slot, arm and version: {model, alias, arm, version, points: Map(second -> point)}
let bounds = []; // upper bounds of the buckets of latency, in seconds; the last bucket is open
let newest = 0;

const keyOf = (each) => JSON.stringify([each.model, each.alias, each.arm ?? null, each.version]);

/** Takes `GET /stats`, or the event of one second; what is there already is replaced. */
export function addStats(stats) {
  bounds = stats.bounds;
  newest = Math.max(newest, stats.at);
  for (const each of stats.series) {
    const key = keyOf(each);
    const { model, alias, arm = null, version } = each;
    const kept = all.get(key) ?? { model, alias, arm, version, points: new Map() };
    all.set(key, kept);
    kept.points = joined(kept.points, each.points);
  }
  forget();
}

/** In order of time: what has been told second by second comes before what lies behind it is asked for. */
function joined(kept, points) {
  let last = -Infinity;
  for (const second of kept.keys()) last = second;
  const after = points.length === 0 || points[0][0] > last;
  for (const point of points) kept.set(point[0], point);
  return after ? kept : new Map([...kept].sort(([a], [b]) => a - b));
}

function forget() {
  for (const [key, each] of all) {
    // In the order in which they came, which is that of time.
    for (const second of each.points.keys()) {
      if (second > newest - KEPT) break;
      each.points.delete(second);
    }
    if (each.points.size === 0) all.delete(key);
  }
}

/** As if nothing had been heard: another process has other counts. */
export function clearStats() {
  all.clear();
  newest = 0;
}

/** The newest second that has been told of; 0 before any. */
export const newestSecond = () => newest;

/** Has the time of what is shown go on while nothing is counted. */
export const passedTo = (second) => void (newest = Math.max(newest, second));

/** Series for which `wanted` holds. */
export const seriesWhere = (wanted) => [...all.values()].filter(wanted);

/** Those of a slot, its arms' too. */
export const seriesOf = (slot) => seriesWhere((each) => each.model === slot.name && each.alias === slot.alias);

const NOTHING = { answers: 0, refused: 0, failed: 0, buckets: null };

function added(sum, [, answers, refused, failed, buckets]) {
  const both = sum.buckets === null ? [...buckets] : sum.buckets.map((count, place) => count + buckets[place]);
  return { answers: sum.answers + answers, refused: sum.refused + refused, failed: sum.failed + failed, buckets: both };
}

/** The sum of several series over the last `seconds`. */
export function totals(several, seconds = KEPT) {
  let sum = NOTHING;
  for (const each of several) {
    for (const point of each.points.values()) if (point[0] > newest - seconds) sum = added(sum, point);
  }
  return sum;
}

/** Several series as steps of `step` seconds: `{times, sums}`, oldest first, whole steps alone. */
export function stepped(several, step, seconds = KEPT) {
  const last = Math.floor(newest / step) * step;
  const length = Math.floor(seconds / step);
  const first = last - length * step;
  const sums = new Array(length).fill(NOTHING);
  for (const each of several) {
    for (const point of each.points.values()) {
      const place = Math.floor((point[0] - first) / step);
      if (place >= 0 && place < length) sums[place] = added(sums[place], point);
    }
  }
  return { times: sums.map((_, place) => first + place * step), sums };
}

/** Requests of a sum, however they ended. */
export const requestsOf = (sum) => sum.answers + sum.refused + sum.failed;

/** The latency below which that share of a sum's requests stayed, in seconds; null without any. */
export function quantile(buckets, share, limits = bounds) {
  const whole = buckets?.reduce((sum, count) => sum + count, 0) ?? 0;
  if (whole === 0) return null;
  let left = share * whole;
  for (const [place, count] of buckets.entries()) {
    if (count > 0 && left <= count) return within(limits, place, left / count);
    left -= count;
  }
  return limits.at(-1);
}

/** A place within a bucket; of the open one nothing but its lower bound is known. */
function within(limits, place, share) {
  const low = place === 0 ? 0 : limits[place - 1];
  const high = limits[place] ?? low;
  return low + share * (high - low);
}
