// The page: what is typed goes to the compiler's worker, which is ended where it takes too long.
const LIMIT = 30_000; // milliseconds that one request may take
const PAUSE = 300; // milliseconds without typing before a check

const at = name => document.getElementById(name);
const text = at("text");
let worker, ready, waiting, timer, pause, last = 0, marks = [];

function start() {
  worker = new Worker("worker.js", { type: "module" });
  ready = false;
  worker.onmessage = ({ data }) => (data.ready ? begin() : answered(data));
  worker.onerror = event => say(`The compiler did not load: ${event.message}`);
}

function begin() {
  ready = true;
  at("fmt").disabled = false;
  document.body.dataset.loaded = String(Math.round(performance.now()));
  check();
}

function ask(call, then) {
  if (!ready) return;
  if (waiting) { // one at a time: the newest request follows
    waiting.next = [call, then];
    return;
  }
  waiting = { id: ++last, then };
  say("Checking …");
  timer = setTimeout(tooLong, LIMIT);
  worker.postMessage({ id: last, call, text: text.value });
}

function answered({ id, result, failed }) {
  if (!waiting) { say(`The compiler did not load: ${failed}`); return; }
  if (id !== waiting.id) return;
  clearTimeout(timer);
  const { then, next } = waiting;
  waiting = undefined;
  if (failed) say(failed);
  else then(result);
  if (next) ask(...next);
}

function tooLong() {
  worker.terminate();
  waiting = undefined;
  start();
  ready = false;
  say(`The spec took more than ${LIMIT / 1000} seconds and was stopped; the compiler loads again.`);
}

const say = words => { at("state").textContent = words; };
const check = () => ask("check", shown);

function shown({ rows, diagnostics }) {
  at("rows").replaceChildren(...rows.map(row => filled("tr", row.map(cell => filled("td", [cell])))));
  at("messages").replaceChildren(...diagnostics.map(one => {
    const button = filled("button", [one.text.trimEnd()]);
    button.type = "button";
    button.onclick = () => { text.focus(); text.setSelectionRange(...stretch(one)); };
    const item = filled("li", [button]);
    item.className = one.severity;
    return item;
  }));
  marks = diagnostics.filter(one => one.line !== null);
  paint();
  const errors = diagnostics.filter(one => one.severity === "error").length;
  say(errors ? `${errors} error${errors > 1 ? "s" : ""}` : "Sound: every claim is proven.");
}

function filled(tag, children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/** Where a message points, in characters of the text: its columns count code points. */
function stretch({ line, column, end_line, end_column }) {
  const lines = text.value.split("\n");
  const offset = (row, place) => lines.slice(0, row - 1).reduce((sum, one) => sum + one.length + 1, 0)
    + [...(lines[row - 1] ?? "")].slice(0, place - 1).join("").length;
  const from = offset(line, column);
  return [from, Math.max(from + 1, offset(end_line, end_column))];
}

const PARTS = /(?<comment>#[^\n]*)|(?<string>"[^"\n]*")|(?<number>\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<word>(?<=^[ \t]*)[A-Za-z_]\w*)/gm;

function paint() {
  const written = text.value;
  const styles = [...written.matchAll(PARTS)].map(found =>
    [found.index, found.index + found[0].length, Object.keys(found.groups).find(name => found.groups[name])]);
  styles.push(...marks.map(one => [...stretch(one), one.severity]));
  const cuts = [...new Set([0, written.length, ...styles.flatMap(([from, to]) => [from, to])])]
    .filter(cut => cut <= written.length).sort((a, b) => a - b);
  at("colours").replaceChildren(...cuts.slice(0, -1).map((from, index) => {
    const part = filled("span", [written.slice(from, cuts[index + 1])]);
    part.className = styles.filter(([begin, end]) => begin <= from && from < end).map(one => one[2]).join(" ");
    return part;
  }), "\n");
  scrolled();
}

function scrolled() {
  at("colours").scrollTop = text.scrollTop;
  at("colours").scrollLeft = text.scrollLeft;
}

function put(written) {
  text.value = written;
  changed();
}

function changed() {
  marks = [];
  paint();
  clearTimeout(pause);
  pause = setTimeout(check, PAUSE);
}

/** The text in the address, so that a link carries it: UTF-8 as base64 without characters that addresses escape. */
const packed = written => btoa(String.fromCharCode(...new TextEncoder().encode(written)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const unpacked = hash => new TextDecoder().decode(
  Uint8Array.from(atob(hash.replaceAll("-", "+").replaceAll("_", "/")), one => one.charCodeAt(0)));

async function share() {
  history.replaceState(null, "", `#${packed(text.value)}`);
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied.");
  } catch {
    say("The link stands in the address bar.");
  }
}

function fromAddress() {
  if (location.hash.length < 2) return false;
  try {
    put(unpacked(location.hash.slice(1)));
    return true;
  } catch {
    say("The address has no spec that can be read.");
    return false;
  }
}

const examples = await fetch("examples.json").then(answer => answer.json());
at("examples").append(...Object.keys(examples).map(name => new Option(name, name)));
at("examples").onchange = () => put(examples[at("examples").value]);
at("fmt").onclick = () => ask("fmt", result => {
  if (result.text === null) say("It cannot be formatted before it can be read.");
  else put(result.text);
});
at("share").onclick = share;
text.oninput = changed;
text.onscroll = scrolled;
onhashchange = fromAddress;
if (!fromAddress()) put(Object.values(examples)[0]);
start();
