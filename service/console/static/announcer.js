// Tells who listens instead of looking: swaps and refusals, copies, connections.

const PAUSE = 900; // milliseconds, so that what comes together is read as one
const waiting = [];
let timer = null;

/** Has a sentence read, once whatever is being read has been. */
export function announce(sentence) {
  waiting.push(sentence);
  timer ??= setTimeout(tell, PAUSE);
}

function tell() {
  timer = null;
  const many = waiting.length > 4 ? [...waiting.slice(0, 3), `And ${waiting.length - 3} more changes.`] : waiting;
  document.getElementById("announcer").textContent = many.join(" ");
  waiting.length = 0;
}
