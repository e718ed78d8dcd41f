// The debug console: a conversation with this server, and how each answer came about.
// Contract file: replaced by updates. All text of models and users reaches the page through textContent only.
"use strict";

const LIMIT_MS = 2000;
const LANES = ["reasoning", "content", "tool", "artifact", "ping", "end"];
const LANE_NAMES = {reasoning: "reasoning", content: "text", tool: "tools", artifact: "artifacts", ping: "pings", end: "start, end"};
const MY_TOOL = [{type: "function", function: {name: "get_weather", description: "The weather of a city",
  parameters: {type: "object", properties: {city: {type: "string"}}, required: ["city"]}}}];
// Beyond it an artifact is fetched when it is asked for.
const MOST_FETCHED_BYTES = 20 * 2 ** 20;
const FAILURES = {
  "client gone": "Whoever asked went away before the answer was complete.",
  "the client does not read": "Whoever asked stopped reading.",
  "time limit": "The time limit (JANUS_TIMEOUT) was reached.",
  "shutdown": "The server was shutting down.",
  "answer too long": "The answer reached JANUS_MAX_ANSWER_BYTES.",
  "no free slot": "All slots were taken for too long (JANUS_MAX_RUNNING, JANUS_QUEUE_SECONDS).",
  "artifact too_large": "An artifact is larger than JANUS_ARTIFACT_BYTES.",
};
const EXAMPLES = [
  {prompt: "What is 17 * 23?"},
  {prompt: "My name is Ada. What is my name?"},
  {prompt: "Write 200 words."},
  {prompt: "Describe a city.", format: "json_schema"},
  {prompt: "The weather in Paris, please.", mine: true},
  {prompt: "Draw a plot of the numbers 1, 4, 9 and 16."},
];
const SCHEMA = {type: "object", properties: {city: {type: "string"}, people: {type: "integer"}}, required: ["city", "people"], additionalProperties: false};

const $ = (id) => document.getElementById(id);

/** An element with properties and children; texts become text nodes, never markup. */
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
function drawn(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
const ms = (value) => value === null || value === undefined ? "–" : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;

/** The contract's measure (section 10): 100/(1+CV), less a tenth for each gap of more than three means. */
function evenness(times) {
  const gaps = times.slice(1).map((time, place) => time - times[place]);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / (gaps.length || 1);
  if (!(mean > 0)) return null;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  const long = gaps.filter((gap) => gap > 3 * mean).length;
  return 100 / (1 + Math.sqrt(variance) / mean) * Math.max(0, 1 - 0.1 * long);
}

/** What an event is, and so in which lane it stands. */
function kindOf(event) {
  if (typeof event === "string") return event.startsWith(":") ? "ping" : "end";
  const choice = (event.choices || [])[0] || {};
  const delta = choice.delta || {};
  if (delta.janus) return delta.janus.event === "artifacts" ? "artifact" : "tool";
  if (delta.tool_calls) return "call";
  if (delta.content) return "content";
  if (delta.reasoning_content) return "reasoning";
  return "end";
}
const laneOf = (kind) => LANES.indexOf(kind === "call" ? "tool" : kind);

/** One answer: what is known of it, from a stream, from a whole response, or from the server's record. */
class Answer {
  constructor(request, prompt) {
    Object.assign(this, {request, prompt, events: [], text: "", reasoning: "", steps: new Map(), artifacts: [],
      calls: [], usage: null, reason: null, state: "running", trouble: null, hint: "", duration: null, whole: false,
      doing: [], tree: [], note: "", replayable: true, summary: null, mine: true});
  }
  take(at, event, size) {
    const kind = kindOf(event);
    this.events.push({at, kind, event, size});
    if (typeof event === "string") return;
    if (event.usage) this.usage = event.usage;
    for (const choice of event.choices || []) {
      const delta = choice.delta || {};
      if (choice.finish_reason) this.reason = choice.finish_reason;
      if (typeof delta.content === "string") this.text += delta.content;
      if (delta.janus) this.#janus(delta.janus);
      else if (typeof delta.reasoning_content === "string") this.reasoning += delta.reasoning_content;
      for (const call of delta.tool_calls || []) {
        const known = this.calls[call.index] ||= {id: "", name: "", arguments: ""};
        known.id ||= call.id || "";
        known.name ||= call.function?.name || "";
        known.arguments += call.function?.arguments || "";
      }
    }
  }
  #janus({event, payload = {}}) {
    if (event === "artifacts") { this.artifacts.push(...(payload.items || [])); return; }
    const id = String(payload.id);
    this.steps.set(id, {...(this.steps.get(id) || {}), ...payload, kind: event.split("_")[0]});
  }
  takeWhole(body) {
    this.whole = true;
    const choice = (body.choices || [])[0] || {};
    const message = choice.message || {};
    this.text = message.content || "";
    this.reasoning = message.reasoning_content || "";
    this.artifacts = message.artifacts || [];
    this.calls = (message.tool_calls || []).map((call) => ({id: call.id, ...call.function}));
    this.usage = body.usage || null;
    this.reason = choice.finish_reason || null;
  }
  /** The server's summary at the end of an answer. Without it a failure (S13) looks like any other text. */
  told(summary) {
    this.summary = summary;
    if (this.trouble || this.state === "stopped") return;
    if (summary.failure) this.state = "failed";
    if (summary.failure || summary.advice) {
      this.trouble = summary.failure ? explained(summary.failure) : "Something is wrong with this answer.";
      this.hint = summary.advice || "The log has one line of this request, under its id.";
    }
  }
  /** What the next request of the conversation sends back. A call without a result would be refused. */
  message(withCalls) {
    const calls = this.calls.filter(Boolean).map(({id, name, arguments: given}) => ({id, type: "function", function: {name, arguments: given}}));
    return {role: "assistant", content: this.text, ...(withCalls && calls.length ? {tool_calls: calls} : {})};
  }
  get first() {
    if (this.whole) return this.summary?.ttft_ms ?? null;
    return this.events.find(({kind}) => ["content", "reasoning", "tool", "artifact", "call"].includes(kind))?.at ?? null;
  }
  get gap() {
    if (!this.events.length) return null;
    let last = 0, widest = 0;
    for (const {at} of this.events) { widest = Math.max(widest, at - last); last = at; }
    return widest;
  }
  get score() { return evenness(this.events.filter(({kind}) => kind === "content").map(({at}) => at)); }
  get figures() {
    const score = this.score, usage = this.usage || {};
    const ofStream = this.whole ? [] : [
      ["Largest gap", ms(this.gap), this.gap > LIMIT_MS],
      ["Evenness", score === null ? "–" : `${Math.round(score)} of 100`],
      ["Events", String(this.events.length)],
    ];
    const found = [
      ["First word", ms(this.first), this.first > LIMIT_MS],
      ...ofStream,
      ["Time", ms(this.duration)],
      ["Tokens in", String(usage.prompt_tokens ?? "–")],
      ["Tokens out", String(usage.completion_tokens ?? "–")],
      ["Cost", usage.cost_usd === undefined ? "unknown" : `$${usage.cost_usd.toFixed(6)}`],
    ];
    if (usage.sandbox_seconds !== undefined) found.push(["Sandbox", `${usage.sandbox_seconds} s`]);
    return found;
  }
}

/** A failure as the log names it, in words. */
function explained(failure) {
  if (FAILURES[failure]) return FAILURES[failure];
  if (failure.startsWith("upstream ")) return `The model's server failed (${failure.slice(9).replace("_", " ")}).`;
  if (failure.startsWith("artifact ")) return "An artifact could not be kept; the answer says why.";
  return `The backend's code failed (${failure.replace("backend: ", "")}).`;
}

/** The marks of all events, to scale; arrow keys walk through them. */
class TimeLine {
  constructor(answer) {
    this.answer = answer;
    this.drawn = 0;
    this.at = -1;
    this.svg = drawn("svg", {viewBox: "0 0 2500 132", preserveAspectRatio: "none", "aria-hidden": "true"});
    this.holes = drawn("g", {});
    this.band = drawn("rect", {class: "band", x: 0, y: 0, width: 0, height: 132});
    this.svg.append(this.holes, this.band, drawn("line", {class: "limit", x1: LIMIT_MS, x2: LIMIT_MS, y1: 0, y2: 132}));
    this.cursor = drawn("line", {class: "chosen", x1: -9, x2: -9, y1: 0, y2: 132});
    this.svg.append(this.cursor);
    const names = make("div", {className: "names"}, ...LANES.map((lane) => make("span", {className: lane}, LANE_NAMES[lane])));
    names.setAttribute("aria-hidden", "true");
    const lanes = make("div", {className: "lanes", tabIndex: 0}, names, this.svg);
    lanes.setAttribute("role", "slider");
    lanes.setAttribute("aria-label", "Events of the answer over time");
    lanes.addEventListener("keydown", (pressed) => this.#key(pressed));
    this.svg.addEventListener("pointerdown", (pressed) => this.#nearest(pressed));
    this.lanes = lanes;
    this.axis = make("div", {className: "axis"});
    this.pointed = make("p", {className: "pointed"}, "Arrow keys or a click show single events.");
    this.element = make("div", {className: "time"}, lanes, this.axis, this.pointed);
    this.draw();
  }
  get span() { return Math.max(2500, (this.answer.events.at(-1)?.at || 0) * 1.04, (this.answer.duration || 0) * 1.02); }
  draw() {
    const events = this.answer.events;
    for (; this.drawn < events.length; this.drawn++) {
      const {at, kind} = events[this.drawn], top = laneOf(kind) * 22 + 4;
      const before = this.drawn ? events[this.drawn - 1].at : 0;
      if (at - before > LIMIT_MS) this.holes.append(drawn("rect", {class: "hole", x: before, y: 0, width: at - before, height: 132}));
      this.svg.insertBefore(drawn("line", {class: kind, x1: at, x2: at, y1: top, y2: top + 14, "data-event": this.drawn}), this.cursor);
    }
    this.svg.setAttribute("viewBox", `0 0 ${this.span} 132`);
    this.lanes.setAttribute("aria-valuemin", "0");
    this.lanes.setAttribute("aria-valuemax", String(Math.max(0, events.length - 1)));
    this.lanes.setAttribute("aria-valuenow", String(Math.max(0, this.at)));
    this.#axis();
  }
  #axis() {
    const step = [500, 1000, 2000, 5000, 10000, 30000, 60000].find((one) => this.span / one <= 6) || 120000;
    const marks = [];
    for (let at = 0; at < this.span * 0.97; at += step) {
      if (at !== LIMIT_MS && Math.abs(at - LIMIT_MS) > this.span * 0.12) marks.push(["", at, at ? `${at / 1000} s` : "0"]);
    }
    marks.push(["limit-name", LIMIT_MS, "2 s"]);
    this.axis.replaceChildren(...marks.map(([className, at, text]) => {
      const mark = make("span", {className}, text);
      mark.style.left = `${at / this.span * 100}%`;
      return mark;
    }));
  }
  #key(pressed) {
    const last = this.answer.events.length - 1;
    const goal = {ArrowRight: this.at + 1, ArrowLeft: this.at - 1, Home: 0, End: last,
      PageDown: this.at + 10, PageUp: this.at - 10}[pressed.key];
    if (goal === undefined || last < 0) return;
    pressed.preventDefault();
    this.show(Math.min(last, Math.max(0, goal)));
  }
  #nearest(pressed) {
    const box = this.svg.getBoundingClientRect(), events = this.answer.events;
    if (!events.length) return;
    const at = (pressed.clientX - box.left) / box.width * this.span;
    let best = 0;
    events.forEach((event, place) => { if (Math.abs(event.at - at) < Math.abs(events[best].at - at)) best = place; });
    this.show(best);
  }
  /** Marks the time of a model call or a tool, and shows the event with which it began. */
  mark(at, duration) {
    this.band.setAttribute("x", at);
    this.band.setAttribute("width", Math.max(duration || 0, this.span / 400));
    const place = this.answer.events.findIndex((event) => event.at >= at);
    if (place >= 0) this.show(place);
  }
  show(place) {
    const {at, kind, event} = this.answer.events[this.at = place];
    const said = typeof event === "string" ? event : JSON.stringify(event.choices?.[0]?.delta ?? event.usage ?? event);
    const before = place ? this.answer.events[place - 1].at : 0;
    this.pointed.textContent = `${place + 1} of ${this.answer.events.length}: at ${ms(at)}, ${ms(at - before)} after the one before, ${kind}: ${said.slice(0, 300)}`;
    this.cursor.setAttribute("x1", at);
    this.cursor.setAttribute("x2", at);
    this.lanes.setAttribute("aria-valuenow", String(place));
    this.lanes.setAttribute("aria-valuetext", this.pointed.textContent);
  }
}

/** An answer on the page. */
class Card {
  constructor(answer, turn) {
    this.answer = answer;
    this.turn = turn;
    this.badge = make("span", {className: "badge going"}, "running");
    this.figures = make("dl", {className: "figures"});
    this.time = new TimeLine(answer);
    this.trouble = make("div", {className: "trouble", hidden: true});
    this.trouble.setAttribute("role", "alert");
    this.thought = make("div", {className: "thought said", tabIndex: 0});
    this.thinking = make("details", {hidden: true, open: true}, make("summary", {}, "Reasoning"), this.thought);
    this.steps = make("ul", {className: "steps"});
    this.text = make("div", {className: "said answer"});
    this.artifacts = make("ul", {className: "artifacts"});
    this.urls = [];
    this.calls = make("ul", {className: "calls"});
    this.doing = make("ol", {className: "events", tabIndex: 0});
    this.inside = make("details", {hidden: true}, make("summary", {}, "What the server was doing"), this.doing);
    this.list = make("ol", {className: "events", tabIndex: 0});
    this.all = make("details", {}, make("summary", {}, "All events"), this.list);
    this.all.addEventListener("toggle", () => this.#events());
    this.note = make("p", {className: "dim"});
    const action = (name, does) => make("button", {type: "button", onclick: does}, name);
    this.replay = action("Send again", () => replay(this));
    this.how = make("details", {open: true, className: "how"}, make("summary", {}, "How it came about"),
      make("div", {}, this.figures, this.time.element, this.steps, this.note, this.inside, this.all));
    this.element = make("article", {},
      make("div", {className: "row apart"}, make("h3", {className: "title"}, "Answer"), this.badge),
      this.trouble, this.thinking, this.text, this.artifacts, this.calls,
      make("div", {className: "row"}, this.replay,
        ...(answer.request ? EXPORTS.map(([name, title, code]) => action(`Copy as ${name}`, () => copy(title, code(answer.request)))) : []),
        action("Close", () => remove(this))),
      this.how);
    this.waiting = false;
    this.draw();
  }
  /** Once a frame at most, however many events come. */
  changed() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }
  draw() {
    const answer = this.answer;
    this.figures.replaceChildren(...answer.figures.map(([name, value, late]) =>
      make("div", {className: late ? "late" : ""}, make("dt", {}, name), make("dd", {}, value))));
    this.time.element.hidden = !answer.events.length && (answer.whole || answer.state !== "running");
    this.time.draw();
    const kinds = {running: "going", ok: "ok"};
    this.badge.className = `badge ${kinds[answer.state] || "bad"}`;
    this.badge.textContent = answer.state === "ok" ? `${answer.reason || "done"}` : answer.state.replace("_", " ");
    this.trouble.hidden = !answer.trouble;
    this.trouble.replaceChildren(make("p", {}, answer.trouble || ""), make("p", {}, answer.hint || ""));
    this.thinking.hidden = !answer.reasoning;
    if (answer.text && !this.thinking.dataset.folded && matchMedia("(max-width: 820px)").matches) {
      this.thinking.open = false;  // once: on a phone the answer comes first
      this.thinking.dataset.folded = "true";
    }
    this.#when("thought", answer.reasoning, () => [answer.reasoning]);
    this.#when("text", answer.text, () => linked(answer.text));
    const steps = answer.tree.length ? answer.tree : [...answer.steps.values()];
    this.#when("steps", answer.tree.length + [...answer.steps.values()].map(({id, status}) => id + status).join(),
      () => answer.tree.length ? [this.#request(), ...nested(steps).map((node) => this.#node(node))] : steps.map(step));
    this.#when("artifacts", answer.artifacts.length, () => answer.artifacts.map((item) => artifact(item, this)));
    this.#when("calls", JSON.stringify(answer.calls) + answer.state, () => this.#calls(answer.calls.filter(Boolean)));
    this.note.hidden = !answer.note;
    this.note.textContent = answer.note;
    this.replay.disabled = !answer.replayable || !answer.request;
    this.inside.hidden = !answer.doing.length;
    for (const told of answer.doing.slice(this.doing.childElementCount)) {
      this.doing.append(make("li", {}, `${told.timestamp.slice(11, 23)} ${told.type}: ${told.message}`));
    }
    this.all.hidden = !answer.events.length;
    this.#events();
    compare();
  }
  /** Redraws a part only when its content has changed, so that a reader's selection stays. */
  #when(part, state, children) {
    if (this.#drawn.get(part) === state) return;
    this.#drawn.set(part, state);
    this[part].replaceChildren(...children());
    this[part].hidden = !this[part].childNodes.length;
  }
  #drawn = new Map();
  /** The first line of the tree: the whole request. */
  #request() {
    const {usage, duration, summary} = this.answer;
    return make("li", {className: "whole"}, make("h4", {}, "Request"), make("span", {className: "dim"},
      [ms(duration), tokens(usage || summary || {}), usage?.cost_usd === undefined ? "" : `$${usage.cost_usd.toFixed(6)}`].filter(Boolean).join(", ")));
  }
  /** A model call or a tool with what happened inside it. Its button marks its time on the time line. */
  #node({kind, name, at, ms: took, status, details = {}, children = [], sent, retried = [], failed = [], cost_usd: cost, ...usage}) {
    const facts = [status === "ok" ? "" : String(status || "running"), took === null ? "" : ms(took), kind === "model" ? tokens(usage) : "",
      cost === undefined ? "" : `$${cost.toFixed(6)}`,
      retried.length ? `tried again after: ${retried.join(", ")}` : "", failed.length ? `instead of: ${failed.join(", ")}` : ""];
    const given = details.arguments ?? (Object.keys(details).length ? JSON.stringify(details) : undefined);
    const node = make("li", {className: kind},
      make("h4", {}, {model: "Model call", sandbox: "Sandbox"}[kind] || "Tool"),
      kind === "model" ? make("b", {}, name) : make("strong", {}, name),
      make("span", {className: "dim"}, ` ${facts.filter(Boolean).join(", ")} `),
      make("button", {type: "button", className: "small", title: "Show it on the time line", onclick: () => this.time.mark(at, took)}, `at ${ms(at)}`));
    if (kind !== "model" && given !== undefined) node.append(make("pre", {tabIndex: 0}, String(given)));
    if (details.result !== undefined) node.append(make("pre", {tabIndex: 0}, `→ ${details.result}`));
    if (details.advice) node.append(make("p", {className: "trouble"}, details.advice));
    if (sent) node.append(make("details", {}, make("summary", {}, `What it was asked: ${counted(sent.messages?.length || 0, "message")}, ${counted(sent.tools?.length || 0, "tool")}`),
      make("pre", {tabIndex: 0}, JSON.stringify(sent, null, 1))));
    if (children.length) node.append(make("ul", {className: "steps"}, ...children.map((child) => this.#node(child))));
    return node;
  }
  /** Calls of the caller's tools, with a field for the result of each. */
  #calls(calls) {
    if (!calls.length) return [];
    const fields = calls.map((call) => make("input", {type: "text", placeholder: "22 degrees, sunny"}));
    const send = make("button", {type: "button", className: "main", onclick: () => {
      const results = calls.map(({id}, place) => ({role: "tool", tool_call_id: id, content: fields[place].value}));
      ask(results, results.map(({content}) => content).join("\n"));
    }}, "Send the results");
    const rows = calls.map((call, place) => make("li", {}, make("h4", {}, "Your tool is called"), make("strong", {}, call.name),
      make("pre", {tabIndex: 0}, call.arguments), make("label", {}, `Result of ${call.name}`, fields[place])));
    return this.answer.state === "ok" && this.answer.mine ? [...rows, make("li", {}, send)] : rows;
  }
  #events() {
    if (!this.all.open) return;
    for (const {at, kind, event} of this.answer.events.slice(this.list.childElementCount)) {
      this.list.append(make("li", {}, `${ms(at)} ${kind} ${typeof event === "string" ? event : JSON.stringify(event)}`));
    }
  }
  /** Frees what its artifacts hold in memory. */
  close() { for (const url of this.urls.splice(0)) URL.revokeObjectURL(url); }
}

const counted = (count, noun) => count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
const tokens = ({prompt_tokens: read, completion_tokens: written}) => read === undefined ? "" : `${read} tokens in, ${written} out`;

/** The steps as a tree: a sandbox, or a model, that ran while a tool ran is a part of it. */
function nested(steps) {
  const top = [];
  let tool = null;
  for (const {...node} of steps) {
    node.children = [];
    const inside = tool && node.kind !== "tool" && node.at + (node.ms || 0) <= tool.at + (tool.ms ?? Infinity) + 1;
    (inside ? tool.children : top).push(node);
    if (node.kind === "tool") tool = node;
  }
  return top;
}

/** A text whose links are told apart; what a `data:` URL holds is shown as an artifact, not as letters. */
function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(/!?\[([^\]\n]*)\]\((data:[^)\s]*|https?:\/\/[^)\s]*)\)/g)) {
    parts.push(text.slice(end, found.index), make("span", {className: "link", title: found[2].slice(0, 200)}, found[1] || "link"));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)].filter(Boolean);
}

function step({kind, name, status, duration_ms, arguments: given, result}) {
  const took = duration_ms === undefined ? "" : `, ${ms(duration_ms)}`;
  return make("li", {},
    make("h4", {}, kind === "sandbox" ? "Sandbox" : "Tool"), make("strong", {}, String(name)),
    make("span", {className: "dim"}, ` ${status}${took}`),
    given === undefined ? null : make("pre", {tabIndex: 0}, String(given)),
    result === undefined ? null : make("pre", {tabIndex: 0}, `→ ${result}`));
}

/** An artifact as what it is: an image is seen, a text is read, all are there to be saved, and the hash is checked. */
function artifact(item, card) {
  const url = String(item.url || ""), mime = String(item.mime_type || ""), size = Number(item.size_bytes);
  const name = String(item.display_name || item.id);
  const held = make("span", {className: "dim"}, ` ${mime}, ${size} bytes, sha256 ${String(item.sha256).slice(0, 12)}…`);
  const title = make("strong", {}, name);
  const shown = make("li", {}, make("h4", {}, `Artifact: ${item.type}`), title, held);
  if (!url.startsWith("data:")) shown.append(make("p", {className: "dim"}, url));
  const fetched = async () => {
    try {
      const bytes = await bytesOf(item, url);
      const local = URL.createObjectURL(new Blob([bytes], {type: mime}));
      card.urls.push(local);
      title.replaceWith(make("a", {href: local, download: name}, name));
      held.append(await fits(bytes, item.sha256) ? ", which fits" : ", which does NOT fit");
      shown.append(...preview(mime, local, bytes, name));
    } catch (error) { shown.append(make("p", {className: "trouble"}, error.message)); }
  };
  // Fetching can use a link up (JANUS_ARTIFACT_SINGLE_USE): what another caller was given is fetched on request only.
  if (url.startsWith("data:") || (card.answer.mine && size <= MOST_FETCHED_BYTES)) fetched();
  else shown.append(make("button", {type: "button", onclick: ({target}) => { target.remove(); fetched(); }}, "Fetch it"));
  return shown;
}
/** This server keeps what it hands out, under whatever address others reach it. */
async function bytesOf({id, display_name: name}, url) {
  if (url.startsWith("data:")) {
    const [head, body] = [url.slice(0, url.indexOf(",")), url.slice(url.indexOf(",") + 1)];
    return head.endsWith(";base64") ? Uint8Array.from(atob(body), (one) => one.charCodeAt(0)) : new TextEncoder().encode(decodeURIComponent(body));
  }
  const response = await fetch(`/v1/artifacts/${encodeURIComponent(id)}`);
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new Error({404: `${name} is not kept by this server.`, 410: `${name} is gone: its time is over, or its link was used.`}[response.status]
    || `${name} cannot be fetched (HTTP ${response.status}).`);
}
async function fits(bytes, sha256) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((one) => one.toString(16).padStart(2, "0")).join("") === sha256;
}
function preview(mime, url, bytes, name) {
  if (mime.startsWith("image/")) return [make("img", {src: url, alt: name})];
  if (mime.startsWith("audio/")) return [make("audio", {src: url, controls: true})];
  if (mime.startsWith("video/")) return [make("video", {src: url, controls: true})];
  if (!/^text\/|[/+](json|xml|yaml|x-yaml|javascript)$/.test(mime)) return [];
  return [make("pre", {tabIndex: 0}, new TextDecoder().decode(bytes.slice(0, 20000)) + (bytes.length > 20000 ? "\n[…]" : ""))];
}

/* The conversation: turns, each with what was asked and one answer, or two side by side. */

const turns = [];

class Turn {
  /** `messages` are what this turn adds to the conversation; `shown` is what people read of them. */
  constructor(messages, shown) {
    Object.assign(this, {messages, shown, cards: []});
    this.asked = make("p", {className: "said"}, shown || "(no text)");
    this.edit = make("button", {type: "button", className: "small", onclick: () => this.#edit()}, "Edit");
    this.edit.hidden = messages.at(-1)?.role !== "user";
    this.head = make("div", {className: "asked"}, make("div", {className: "row apart"},
      make("h2", {}, messages.at(-1)?.role === "tool" ? "Results of your tools" : "You"), this.edit), this.asked);
    this.body = make("div", {className: "cards"});
    this.element = make("div", {className: "turn"}, this.head, this.body);
  }
  show(card, beside) {
    if (!beside) for (const old of this.cards.splice(0)) old.close();
    this.cards.push(card);
    if (this.cards.length > 2) this.cards.shift().close();
    this.body.replaceChildren(...this.cards.map(({element}) => element));
  }
  /** The messages before the answer, as a request sends them. */
  get history() {
    const system = $("system").value.trim();
    const found = [];
    for (const [place, turn] of turns.entries()) {
      found.push(...turn.messages);
      if (turn === this) break;
      const answered = turn.cards.at(-1)?.answer;
      if (answered) found.push(answered.message(turns[place + 1].messages[0]?.role === "tool"));
    }
    return system && found[0]?.role !== "system" ? [{role: "system", content: system}, ...found] : found;
  }
  /** Lets the question be written again; what followed it is then forgotten. */
  #edit() {
    const field = make("textarea", {rows: 3, value: this.shown});
    field.setAttribute("aria-label", "The question");
    const again = make("button", {type: "submit", className: "main"}, "Send from here");
    const form = make("form", {onsubmit: (event) => {
      event.preventDefault();
      forget(turns.indexOf(this));
      ask([...this.messages.slice(0, -1), edited(this.messages.at(-1), field.value)], field.value);
    }}, field, make("div", {className: "row"}, again, make("button", {type: "button", onclick: () => form.replaceWith(this.asked)}, "Cancel")));
    this.asked.replaceWith(form);
    field.focus();
  }
}
/** A message with another text; its files stay. */
function edited(message, text) {
  if (typeof message.content === "string") return {...message, content: text};
  return {...message, content: [{type: "text", text}, ...message.content.filter(({type}) => type !== "text")]};
}
/** Removes the turns from this place on. */
function forget(from = 0) {
  stopping?.abort();
  for (const turn of turns.splice(from)) {
    for (const card of turn.cards) card.close();
    turn.element.remove();
  }
  arranged();
}
function add(turn) {
  for (const {cards} of turns) for (const card of cards) card.how.open = card.thinking.open = false;
  turns.push(turn);
  $("turns").append(turn.element);
  arranged();
}
function arranged() {
  $("welcome").hidden = turns.length > 0;
  $("new").disabled = !turns.length;
  $("prompt-name").textContent = turns.length ? "Next prompt of the conversation" : "Prompt";
  compare();
}
function remove(card) {
  const {turn} = card;
  turn.cards.splice(turn.cards.indexOf(card), 1);
  card.close();
  card.element.remove();
  if (!turn.cards.length) forget(turns.indexOf(turn));
  compare();
}
function compare() {
  const box = $("comparison"), cards = turns.at(-1)?.cards || [];
  box.hidden = cards.length < 2;
  if (box.hidden) return;
  const [one, other] = cards.map(({answer}) => answer);
  const second = new Map(other.figures.map(([name, value]) => [name, value]));
  let alike = 0;
  while (alike < one.text.length && one.text[alike] === other.text[alike]) alike++;
  const same = one.text === other.text ? "The same text."
    : `The texts differ from character ${alike + 1} on: “${one.text.slice(alike, alike + 40)}” on the left, “${other.text.slice(alike, alike + 40)}” on the right.`;
  box.replaceChildren(make("h2", {}, "Side by side"), make("table", {},
    make("thead", {}, make("tr", {}, make("th", {}, "Figure"), make("th", {}, "left"), make("th", {}, "right"))),
    make("tbody", {}, ...one.figures.map(([name, value]) =>
      make("tr", {}, make("td", {}, name), make("td", {}, value), make("td", {}, second.get(name) ?? "–"))))),
    make("p", {className: "dim"}, same));
}

/* Asking. */

let stopping = null;
/** Adds a turn to the conversation and asks. Raises an error if a field of the form is not JSON. */
function ask(messages, shown) {
  const fields = composed();
  const turn = new Turn(messages, shown);
  add(turn);
  return send(turn, {...fields, messages: turn.history, ...more()});
}
async function send(turn, request, beside = false) {
  const answer = new Answer(request, turn.shown);
  const card = new Card(answer, turn);
  turn.show(card, beside);
  compare();
  turn.element.scrollIntoView({block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"});
  stopping?.abort();
  const mine = stopping = new AbortController();
  $("stop").disabled = false;
  const id = `console-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
  const following = follow(id, card);
  $("status").textContent = "The request was sent.";
  const began = performance.now();
  const since = () => performance.now() - began;
  try {
    const response = await fetch("/v1/chat/completions", {method: "POST", signal: mine.signal, body: JSON.stringify(request),
      headers: {"content-type": "application/json", "x-request-id": id, "x-debug-request-id": id}});
    if (!response.ok) { await refused(answer, response); }
    else if (!(response.headers.get("content-type") || "").startsWith("text/event-stream")) {
      answer.takeWhole(await response.json());
      if (answer.state === "running") answer.state = "ok";
    } else {
      await read(response, since, (at, event, size) => { answer.take(at, event, size); card.changed(); });
      const done = answer.events.at(-1)?.event === "[DONE]";
      if (answer.state === "running") answer.state = done ? "ok" : "failed";
      if (!done) [answer.trouble, answer.hint] = ["The answer broke off before its end.", "The server may have stopped. Its log says more."];
    }
  } catch (error) {
    const stopped = error.name === "AbortError";
    answer.state = stopped ? "stopped" : "failed";
    if (!stopped) [answer.trouble, answer.hint] = ["The competitor cannot be reached.", "Is it still running? `make run` starts it."];
  }
  answer.duration = since();
  $("status").textContent = answer.trouble || `The answer is complete after ${ms(answer.duration)}.`;
  following.end();
  if (stopping === mine) { stopping = null; $("stop").disabled = true; }
  card.draw();
  await look();
  await inside(id, card);
}
/** Gets the tree of what happened, once the server has written it. */
async function inside(id, card) {
  for (const pause of [0, 200, 800]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    await look();
    const head = [...rows.values()].map(({head}) => head).find(({request_id}) => request_id === id);
    if (head?.state === "running" || !head?.summary) continue;
    const response = await fetch(`/debug/requests/${head.number}`);
    if (!response.ok) return;
    const {steps, summary} = await response.json();
    card.answer.tree = steps || [];
    if (!card.answer.summary) card.answer.told(summary);
    card.draw();
    return;
  }
}
async function refused(answer, response) {
  answer.state = "refused";
  let error = {};
  try { error = (await response.json()).error || {}; } catch { /* not JSON: the status says enough */ }
  answer.trouble = `The request was refused: ${error.message || `HTTP ${response.status}`}`;
  answer.hint = response.status === 503 ? "Too much is going on. Wait a moment, or raise JANUS_MAX_OPEN."
    : error.param ? `The field in question is ${error.param}.` : "";
}
/** Every event of the stream with the time at which it came. */
async function read(response, since, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const at = since(), events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) take(at, parsed(event), event.length + 2);
  }
}
function parsed(event) {
  if (!event.startsWith("data:")) return event;
  const text = event.slice(5).trim();
  try { return JSON.parse(text); } catch { return text; }
}
/** What the server says it is doing, beside the answer. */
function follow(id, card) {
  const source = new EventSource(`/v1/debug/stream/${id}`);
  const end = () => source.close();
  source.onmessage = ({data}) => {
    const told = JSON.parse(data);
    if (told.message === "Nothing new.") return;
    card.answer.doing.push(told);
    if (told.type === "response_complete" || told.type === "error") {
      end();
      if (told.data?.end) card.answer.told(told.data);
    }
    card.changed();
  };
  source.onerror = end;
  return {end: () => setTimeout(end, 1000)};
}
function replay(card) {
  if (card.turn.cards.length > 1) remove(card.turn.cards.find((one) => one !== card));
  if (turns.at(-1) !== card.turn) forget(turns.indexOf(card.turn) + 1);
  return send(card.turn, card.answer.request, true);
}
function lastText(request) {
  const last = (request.messages || []).filter(({role}) => role === "user").at(-1)?.content || "";
  return typeof last === "string" ? last : last.map((part) => part.text || `[${part.file?.name || "image"}]`).join(" ");
}

/* The form. */

const files = [];
/** The fields of the request besides its messages. */
function composed() {
  const request = {model: $("model").value, stream: $("stream").checked, debug: true};
  if ($("temperature").value !== "") request.temperature = Number($("temperature").value);
  if ($("format").value === "json_object") request.response_format = {type: "json_object"};
  if ($("format").value === "json_schema") {
    request.response_format = {type: "json_schema", json_schema: {name: "answer", strict: true, schema: fromJson("schema", "The schema")}};
  }
  if ($("mine").checked) request.tools = fromJson("tools", "My tools");
  more();
  return request;
}
function more() { return $("more").value.trim() ? fromJson("more", "More fields") : {}; }
/** The message of the form. */
function written() {
  const prompt = $("prompt").value, parts = files.map(({part}) => part);
  return {role: "user", content: parts.length ? [{type: "text", text: prompt}, ...parts] : prompt};
}
function fromJson(id, name) {
  try { return JSON.parse($(id).value); } catch { throw new Error(`${name}: this is not JSON.`); }
}
async function attach(list) {
  for (const file of list) {
    const url = await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = reject;
      reader.readAsDataURL(file);
    });
    const mime = file.type || "application/octet-stream";
    const isText = /^text\/|json$|xml$|yaml$|javascript$/.test(mime);
    const part = mime.startsWith("image/") ? {type: "image_url", image_url: {url}}
      : {type: "file", file: {name: file.name, mime_type: mime, size: file.size, content: isText ? await file.text() : url.split(",")[1]}};
    files.push({name: file.name, part});
  }
  drawFiles();
}
function drawFiles() {
  $("files").replaceChildren(...files.map((file, place) => make("li", {className: "row"},
    file.part.image_url ? make("img", {src: file.part.image_url.url, alt: ""}) : null, file.name,
    make("button", {type: "button", title: `Remove ${file.name}`, onclick: () => { files.splice(place, 1); drawFiles(); }}, "×"))));
}
$("tools").value = JSON.stringify(MY_TOOL, null, 1);
$("schema").value = JSON.stringify(SCHEMA, null, 1);
$("mine").addEventListener("change", ({target}) => { $("offered").hidden = !target.checked; });
$("format").addEventListener("change", ({target}) => { $("schema-field").hidden = target.value !== "json_schema"; });
$("new").addEventListener("click", () => { forget(); $("prompt").focus(); });
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("wrong").hidden = true;
  const message = written();
  try { ask([message], lastText({messages: [message]})); } catch (error) {
    $("wrong").textContent = error.message;
    $("wrong").hidden = false;
    return;
  }
  $("prompt").value = "";
  files.splice(0);
  drawFiles();
});
$("examples").replaceChildren(...EXAMPLES.map(({prompt, format, mine}) => make("li", {}, make("button", {type: "button", onclick: () => {
  $("prompt").value = prompt;
  for (const [id, value] of [["format", format || ""]]) { $(id).value = value; $(id).dispatchEvent(new Event("change")); }
  $("mine").checked = Boolean(mine);
  $("mine").dispatchEvent(new Event("change"));
  $("form").requestSubmit();
}}, prompt + (format ? " (as JSON)" : mine ? " (with a tool of yours)" : "")))));
$("choose").addEventListener("click", () => $("picker").click());
$("picker").addEventListener("change", ({target}) => attach([...target.files]).then(() => { target.value = ""; }));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") attach([...event.dataTransfer.files]);
  });
}
$("prompt").addEventListener("paste", ({clipboardData}) => { if (clipboardData.files.length) attach([...clipboardData.files]); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); $("form").requestSubmit(); }
  if (event.key === "Escape" && !$("copied").open) stopping?.abort();
});
$("stop").addEventListener("click", () => stopping?.abort());

/* Copying. */

const ascii = (text) => text.replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
function asCurl(request) {
  const body = ascii(JSON.stringify(request)).replaceAll("'", "'\\''");
  return `curl -N '${location.origin}/v1/chat/completions' \\\n  -H 'content-type: application/json' \\\n  -d '${body}'\n`;
}
function asLiteral(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(asLiteral).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, one]) => `${asLiteral(name)}: ${asLiteral(one)}`).join(", ")}}`;
  if (typeof value !== "string") return String(value);
  const pairs = value.replace(/[\ud800-\udbff][\udc00-\udfff]|[\s\S]/g, (one) => one.length > 1 ? `\\U${one.codePointAt(0).toString(16).padStart(8, "0")}`
    : /[^ -~]|["\\]/.test(one) ? `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}` : one);
  return `"${pairs}"`;
}
const OURS = ["debug", "enable_memory", "user_id", "browser_session_id", "generation_flags"];
function asPython(request) {
  const own = Object.entries(request).filter(([name]) => !OURS.includes(name));
  const extra = Object.fromEntries(Object.entries(request).filter(([name]) => OURS.includes(name)));
  const lines = own.map(([name, value]) => `    ${name}=${asLiteral(value)},`);
  if (Object.keys(extra).length) lines.push(`    extra_body=${asLiteral(extra)},`);
  const reads = request.stream ? `for chunk in answer:\n    for choice in chunk.choices:\n        print(choice.delta.content or "", end="", flush=True)\n`
    : `print(answer.choices[0].message.content)\n`;
  return `from openai import OpenAI\n\nclient = OpenAI(base_url="${location.origin}/v1", api_key="none")\n`
    + `answer = client.chat.completions.create(\n${lines.join("\n")}\n)\n${reads}`;
}
function asJavaScript(request) {
  const shown = request.stream ? `const events = response.body.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const text of events) {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: {")) continue;
    process.stdout.write(JSON.parse(line.slice(6)).choices[0]?.delta.content ?? "");
  }
}
` : `const answer = await response.json();
console.log(answer.choices[0].message.content);
`;
  return `const response = await fetch("${location.origin}/v1/chat/completions", {
  method: "POST",
  headers: {"content-type": "application/json"},
  body: JSON.stringify(${ascii(JSON.stringify(request, null, 2)).replaceAll("\n", "\n  ")}),
});
${shown}`;
}
const EXPORTS = [["curl", "curl", asCurl], ["Python", "OpenAI's Python SDK", asPython], ["JavaScript", "JavaScript, for Node", asJavaScript]];
async function copy(name, text) {
  $("copied-title").textContent = name;
  $("copied-text").value = text;
  $("copied-said").textContent = "Select and copy.";
  $("copied").showModal();
  $("copied-text").select();
  try { await navigator.clipboard.writeText(text); $("copied-said").textContent = "Copied."; } catch { /* the text is selected */ }
}
$("copied-close").addEventListener("click", () => $("copied").close());

/* The last requests. */

const rows = new Map();
async function look() {
  let found;
  try { found = await (await fetch("/debug/requests")).json(); } catch { return; }
  if (!found.requests) return;
  $("kept").textContent = `${found.requests.length} of at most ${found.most}`;
  const focused = document.activeElement?.dataset?.key;
  for (const [number, {element}] of rows) {
    if (!found.requests.some((head) => head.number === number)) { element.remove(); rows.delete(number); }
  }
  for (const head of found.requests) place(head);
  if (focused && focused !== document.activeElement?.dataset?.key) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
/** Newest first. A row that says the same stays as it is: somebody may just be clicking on it. */
function place(head) {
  const state = JSON.stringify(head), known = rows.get(head.number);
  if (known?.state === state) return;
  const element = row(head);
  element.dataset.number = head.number;
  rows.set(head.number, {state, element, head});
  if (known) known.element.replaceWith(element);
  else $("requests").insertBefore(element, [...$("requests").children].find((one) => one.dataset.number < head.number) || null);
}
function row(head) {
  const {summary = {}, error} = head;
  const good = head.state === "ok", going = head.state === "running";
  const open = make("button", {type: "button", className: "open", onclick: () => openOne(head.number, false)},
    make("span", {}, head.prompt || error?.message || "(no text)"),
    make("span", {className: "dim"}, make("span", {className: `badge ${good ? "ok" : going ? "going" : "bad"}`}, head.state.replace("_", " ")),
      ` ${[clock(head.started), head.mode, ...(summary.ttft_ms === undefined ? [] : [ms(summary.ttft_ms)])].filter(Boolean).join(" · ")}`));
  const beside = make("button", {type: "button", title: "Open beside the answer shown", onclick: () => openOne(head.number, true)}, "Compare");
  open.dataset.key = `open-${head.number}`;
  beside.dataset.key = `beside-${head.number}`;
  return make("li", {}, open, beside);
}
const clock = (iso) => iso ? new Date(iso).toLocaleTimeString([], {hour12: false}) : "";
/** Opens a recorded request as a conversation, which can go on, or its answer beside the last one. */
async function openOne(number, beside) {
  const response = await fetch(`/debug/requests/${number}`);
  if (!response.ok) { await look(); return; }
  const record = await response.json();
  const answer = recorded(record);
  if (!beside || !turns.length) {
    forget();
    add(new Turn(record.request?.messages || [], answer.prompt));
  }
  const turn = turns.at(-1);
  turn.show(new Card(answer, turn), beside);
  compare();
}
function recorded(record) {
  const answer = new Answer(record.request || null, record.prompt);
  answer.mine = false;
  for (const [at, event, size] of record.events || []) answer.take(at, event, size);
  if (record.response) answer.takeWhole(record.response);
  answer.tree = record.steps || [];
  const summary = record.summary || {};
  if (record.summary) answer.told(summary);
  answer.state = record.state;
  answer.duration = summary.duration_ms ?? null;
  answer.replayable = Boolean(record.request) && !record.request_cut;
  answer.note = [
    record.summary ? `Backend ${summary.backend}, model ${summary.model}, id ${record.request_id}. Times are the server's.` : `Id ${record.request_id}.`,
    record.cut ? "Too long to be kept whole: later events are left out." : "",
    record.request_cut ? "The request was too large to be kept whole, so it cannot be sent again." : "",
  ].join(" ");
  if (record.error) {
    answer.trouble = `The request was refused: ${record.error.message}`;
    answer.hint = record.error.param ? `The field in question is ${record.error.param}.` : "";
  }
  if (record.state === "lost") {
    [answer.trouble, answer.hint] = ["Its end was never told: the process that answered it has died.", "The log says more."];
  }
  return answer;
}
async function about() {
  try {
    const health = await (await fetch("/health")).json();
    $("about").textContent = `${health.backend} backend, version ${health.version}, model: ${health.model}, upstream: ${health.upstream}`;
    const models = await (await fetch("/v1/models")).json();
    $("models").replaceChildren(...models.data.map(({id}) => make("option", {value: id})));
  } catch { $("about").textContent = "The competitor cannot be reached."; }
}
about();
look();
setInterval(() => { if (!document.hidden) look(); }, 2000);
$("prompt").focus();
