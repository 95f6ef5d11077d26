// k6: requests at a constant rate, whatever the service does, and their latency by window.
//
// Window n begins n * WINDOW_MS after START_MS (since 1970). A request belongs to the window in
// which it was due; what comes before the first window warms the connections up.
import exec from "k6/execution";
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";

const { URL, BODY, START_MS, WINDOW_MS, SUMMARY } = __ENV;
const [rate, windows, workers] = [__ENV.RATE, __ENV.WINDOWS, __ENV.WORKERS].map(Number);
const [start, length] = [Number(START_MS), Number(WINDOW_MS)];
const latency = new Trend("latency", true);
const failed = new Counter("failed");
const params = { headers: { "Content-Type": "application/json" } };

// Only what a threshold names is told apart in the summary.
const thresholds = {};
for (let window = 0; window < windows; window++) {
  thresholds[`latency{window:${window}}`] = ["max>=0"];
}

export const options = {
  scenarios: {
    steady: {
      executor: "constant-arrival-rate",
      rate,
      timeUnit: "1s",
      duration: `${Math.ceil((start + windows * length - Date.now()) / 1000)}s`,
      preAllocatedVUs: workers,
      maxVUs: workers,
    },
  },
  discardResponseBodies: true,
  summaryTrendStats: ["med", "p(99)", "max", "count"],
  systemTags: [],
  thresholds,
};

export default function () {
  const window = Math.floor((Date.now() - start) / length);
  const answer = http.post(URL, BODY, params);
  if (answer.status !== 200) failed.add(1);
  // Also what it waited for a connection.
  latency.add(answer.timings.blocked + answer.timings.duration, { window: String(window) });
}

export function handleSummary(data) {
  return { [SUMMARY]: JSON.stringify(data.metrics) };
}
