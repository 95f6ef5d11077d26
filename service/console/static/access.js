// The key and the admin token, in this page's memory alone: closing or reloading it forgets them.

import { heardDate } from "./clock.js";

let key = "";
let token = "";

/** Which of them are here, without telling them. */
export const held = () => ({ key: key !== "", token: token !== "" });

/** Takes both; empty for none. */
export function keep(newKey, newToken) {
  [key, token] = [newKey.trim(), newToken.trim()];
}

const bearer = (secret) => (secret === "" ? {} : { Authorization: `Bearer ${secret}` });

/** What questions come with: the token shows more than the key does. */
export const readingHeaders = () => bearer(token || key);

/** What predictions come with. */
export const predictingHeaders = () => bearer(key);

/** What an operator's wish comes with. */
export const adminHeaders = () => bearer(token);

/** A question that failed: `status` is 0 where nobody answered. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The JSON at that relative address. Raises `Problem`. */
export async function ask(address, options = {}) {
  const answer = await asked(address, { headers: readingHeaders(), ...options });
  if (answer.ok) return answer.json();
  throw new Problem(answer.status, await reasonOf(answer));
}

/** The reply to a relative address; its clock is heeded. Raises `Problem` where nobody answers. */
export async function asked(address, options) {
  try {
    const answer = await fetch(address, { cache: "no-store", credentials: "omit", redirect: "error", ...options });
    heardDate(answer.headers.get("date"));
    return answer;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer.");
  }
}

/** The sentence of an error's reply. */
export async function reasonOf(answer) {
  try {
    const { detail, message } = await answer.json();
    if (typeof (detail ?? message) === "string") return detail ?? message;
  } catch {
    // Not Podium's own words: a proxy's, say.
  }
  return `The service answers with ${answer.status}.`;
}
