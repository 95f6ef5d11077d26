// What to do about a slot, as lines to type: the page itself changes nothing but a look at the registry.

import { refOf } from "./store.js";

const PLAIN = /^[\w@%+=:,./-]+$/;
// What could steer a terminal, or end the line, when it is pasted.
const UNTYPABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** The words as one line for a POSIX shell; null where one holds what cannot be typed safely. */
export function commandLine(...words) {
  if (words.some((word) => UNTYPABLE.test(word))) return null;
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/** This service's address, as commands take it. */
export const serviceUrl = () => new URL(".", document.baseURI).href.replace(/\/$/, "");

const VALIDATE = new Set(["not_validated", "validated_by_other_policy", "validated_other_bytes"]);

/** What could be done, most likely first: `[{when, line}]`; `line` is null where it cannot be typed. */
export function remediesOf(slot) {
  const ref = refOf(slot);
  const at = ["--url", serviceUrl()];
  const of = (when, ...words) => ({ when, line: commandLine("podium", ...words) });
  return [
    ...marks(slot, of, at),
    ...(slot.verdict ? [of("Once its cause is mended, or where it was not the version's fault", "reload", ref, "--again", ...at)] : []),
    ...failures(slot, of, ref, at),
    ...moves(slot, of, ref, at),
  ];
}

/** Marks that operators have set. */
function marks(slot, of, at) {
  const found = [];
  if (slot.blocked) found.push(of(`If version ${slot.blocked} may serve after all`, "unblock", slot.name, slot.blocked));
  if (slot.withdrawn) found.push(of(`If version ${slot.withdrawn} may serve after all`, "withdraw", slot.name, slot.withdrawn, "--undo", ...at));
  if (slot.held) found.push(of("To follow the alias again", "release", slot.name, "--alias", slot.alias));
  return found;
}

function failures(slot, of, ref, at) {
  const failure = slot.last_failure;
  if (!failure || slot.verdict) return [];
  if (failure.stage === "look") return [of("To see what is set up wrongly", "doctor", ref)];
  const found = [];
  if (VALIDATE.has(failure.code) && failure.version) found.push(of("It serves once it is validated", "validate", slot.name, failure.version));
  const when = slot.quarantined ? "Once what is said is mended: it is not tried again by itself" : "It is tried again by itself; to try it now";
  found.push(of(when, "reload", ref, ...at));
  if (slot.version && slot.aspired) found.push(of("Or move the alias back", "rollback", slot.name, "--alias", slot.alias));
  return found;
}

/** While a version is on its way. */
function moves(slot, of, ref, at) {
  if (!slot.coming) return [];
  return [of("To wait for it in a terminal", "wait", ref, "--version", slot.coming.version, ...at)];
}
