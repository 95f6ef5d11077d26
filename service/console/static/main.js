// Puts the page together: what the stream tells goes into the store, and the store is drawn.

import { ask } from "./access.js";
import { announce } from "./announcer.js";
import { now } from "./clock.js";
import { beginHistory, keepHistory } from "./history.js";
import { sawSlot } from "./journeys.js";
import { askForKey } from "./key-dialog.js";
import { addEntry, askEntries } from "./ledger-entries.js";
import { masthead } from "./masthead.js";
import { routeOf } from "./router.js";
import { addStats, clearStats, newestSecond, passedTo } from "./series.js";
import { forgetDetail, keepDetail } from "./slot-detail.js";
import { standingOf, summary } from "./standing.js";
import { refOf, state, subscribe, touch, update } from "./store.js";
import { Stream } from "./stream.js";
import { render } from "./vendor/lit-html/lit-html.js";
import { ledgerView } from "./view-ledger.js";
import { slotView } from "./view-slot.js";
import { slotsView } from "./view-slots.js";
import { trafficView } from "./view-traffic.js";

const content = document.getElementById("content");
const head = document.getElementById("masthead");
const stream = new Stream("console/events", hear, show);
const openKey = () => askForKey(begin);
const UNTOLD = new Set(["missing", "unready", "gone"]);
let fresh = true; // whether the stream has begun anew, and has not told the slots yet
let wasLive = false;
let blank = true;
let seen = null; // the fragment whose view is drawn

const HEARD = { models, slot, gone, look, swap: addEntry, stats };

function hear(name, data) {
  HEARD[name]?.(data);
}

function show(connection) {
  if (connection.word === "connecting") fresh = true;
  update({ connection });
}

/** Everything at once: at the begin of each stream, and where more than slots has changed. */
function models(told) {
  const before = state.slots;
  const heard = now();
  if (state.instance !== null && state.instance !== told.instance) restarted();
  const slots = new Map(told.models.map((slot) => [refOf(slot), { ...slot, heard }]));
  for (const [ref, slot] of slots) sawSlot(slot, before.get(ref));
  const { instance, withdrawn = [], patterns = null, events = null } = told;
  update({ slots, instance, withdrawn, patterns, events, known: true });
  look(told.look);
  if (fresh) began();
}

function began() {
  if (wasLive) announce("Live again.");
  wasLive = true;
  fresh = false;
  beginHistory();
  catchUp();
}

/** What the stream tells only as it happens is asked for once at its begin. */
function catchUp() {
  askEntries(false);
  if (state.settings === null) ask("console/settings").then((settings) => update({ settings }), () => {});
}

function restarted() {
  clearStats();
  announce("Another process of the service answers.");
}

function slot(told) {
  const ref = refOf(told);
  const before = state.slots.get(ref);
  const slots = new Map(state.slots);
  slots.set(ref, { ...told, heard: now() });
  sawSlot(told, before);
  update({ slots });
  // Swaps and refusals are told as the ledger has them.
  const { key, word } = standingOf(told);
  if (before && key !== standingOf(before).key && UNTOLD.has(key)) announce(`${ref}: ${word}.`);
}

function look(told) {
  update({ look: told, lookHeard: now() });
}

function gone({ ref }) {
  const slots = new Map(state.slots);
  slots.delete(ref);
  update({ slots });
}

function stats(told) {
  addStats(told);
  touch();
}

/** From now on: another key sees more, or less. */
function begin() {
  forgetDetail();
  stream.restart();
}

const VIEWS = { slots: slotsView, ledger: ledgerView, traffic: trafficView, slot: () => slotView(state.route.ref, openKey) };

function draw() {
  keepHistory(state.route);
  keepDetail(state.route.view === "slot" ? state.route.ref : null);
  render(masthead(openKey, () => stream.restart()), head);
  if (!state.known) return;
  if (blank) content.replaceChildren();
  blank = false;
  render(VIEWS[state.route.view](), content);
  title();
  if (seen !== location.hash) arrived();
}

/** Who listens, or types, begins at the heading of another view. */
function arrived() {
  const first = seen === null;
  seen = location.hash;
  if (first) return;
  scrollTo(0, 0);
  content.querySelector("h1")?.focus({ preventScroll: true });
}

function title() {
  const bad = summary([...state.slots.values()]).filter(({ tone }) => tone === "bad").reduce((sum, { count }) => sum + count, 0);
  const where = state.route.view === "slot" ? state.route.ref : state.route.view[0].toUpperCase() + state.route.view.slice(1);
  document.title = `${bad ? `(${bad}) ` : ""}${where} · Podium`;
}

function moved() {
  update({ route: routeOf(location.hash) });
}

function pressed(event) {
  const typing = event.target.matches?.("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const filter = document.getElementById("filter");
  if (!filter) return;
  event.preventDefault();
  filter.focus();
}

/** The fragment names the view: it must not become that of the content. */
function skipped(event) {
  event.preventDefault();
  content.focus();
}

addEventListener("hashchange", moved);
document.querySelector(".skip").addEventListener("click", skipped);
addEventListener("keydown", pressed);
document.addEventListener("visibilitychange", touch);
// Ages grow, and plots go on, while nothing happens.
setInterval(() => {
  if (newestSecond()) passedTo(Math.floor(now()) - 2);
  touch();
}, 1000);
subscribe(draw);
moved();
stream.restart();
