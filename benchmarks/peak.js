// k6: requests without pause, and how many of them were answered in a second.
import http from "k6/http";

const { URL, BODY } = __ENV;
const params = { headers: { "Content-Type": "application/json" } };

export const options = { discardResponseBodies: true };

export default function () {
  if (http.post(URL, BODY, params).status !== 200) throw new Error("not answered");
}

export function handleSummary(data) {
  return { stdout: `\n${JSON.stringify({ rate: data.metrics.http_reqs.values.rate })}\n` };
}
