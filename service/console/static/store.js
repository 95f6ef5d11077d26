// What the page knows. Values are replaced whole, and whoever has subscribed is told once a frame.

/** One slot's reference, as paths and links have it. */
export const refOf = (slot) => `${slot.name}@${slot.alias}`;

/** Everything that views read; `update` alone changes it. */
export const state = {
  route: { view: "slots" },
  slots: new Map(), // by reference, each as `GET /models` has it, with `heard`: when, in seconds
  instance: null,
  look: null,
  lookHeard: 0,
  withdrawn: [],
  patterns: null,
  events: null,
  settings: null, // as `GET /console/settings` has them
  known: false, // whether the service has told its slots at all
  connection: { word: "connecting", retryAt: null, problem: null },
  ledger: { entries: [], older: null, asked: false, problem: null },
  filter: { slots: "", ledger: "", outcome: "" },
  journeys: new Map(), // how each slot's last move went, as it was seen from here
};

const listeners = new Set();
let due = false;

/** Calls `listener` after changes, at most once a frame. */
export function subscribe(listener) {
  listeners.add(listener);
}

/** Replaces what is named. */
export function update(changes) {
  Object.assign(state, changes);
  touch();
}

/** Has the page drawn again: for what changes by itself, such as times. */
export function touch() {
  if (due) return;
  due = true;
  const draw = () => {
    if (!due) return;
    due = false;
    for (const each of listeners) each();
  };
  // A hidden page gets no frames, and must not grow old all the same: its title and words are read.
  if (document.hidden) setTimeout(draw, 250);
  else requestAnimationFrame(draw);
}
