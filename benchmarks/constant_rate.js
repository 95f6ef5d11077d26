// What k6 sends: so many posts a second, on at most so many connections; at the end one line of JSON.
import http from "k6/http";

const body = open(__ENV.BODY);
const parameters = { headers: { "Content-Type": "application/json" } };

export const options = {
  // What is not asked for costs the cores that the server needs.
  discardResponseBodies: true,
  noCookiesReset: true,
  systemTags: [],
  summaryTrendStats: ["p(50)", "p(99)"],
  scenarios: {
    constant: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE),
      timeUnit: "1s",
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: Number(__ENV.CONNECTIONS),
      maxVUs: Number(__ENV.CONNECTIONS),
    },
  },
};

export default function () {
  http.post(__ENV.URL, body, parameters);
}

export function handleSummary(data) {
  const { http_reqs, http_req_duration, http_req_failed, dropped_iterations } = data.metrics;
  const told = {
    requests: http_reqs.values.count,
    p50_ms: http_req_duration.values["p(50)"],
    p99_ms: http_req_duration.values["p(99)"],
    // Of this rate k6 counts as passes what did fail.
    failed: http_req_failed.values.passes,
    missed: dropped_iterations ? dropped_iterations.values.count : 0,
  };
  return { stdout: `\n${JSON.stringify(told)}\n` };
}
