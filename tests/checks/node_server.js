// A simple server that follows the contract, in JavaScript: it shows that the checks accept a server that shares no
// code and no language with the template. It has no tools of its own, makes no artifacts and has no debug console.
"use strict";

const crypto = require("crypto");
const http = require("http");

const env = process.env;
const BASE_URL = env.JANUS_LLM_BASE_URL || env.OPENAI_BASE_URL || "";
const KEY = env.JANUS_LLM_API_KEY || env.OPENAI_API_KEY || "";
const TOKEN_HOSTS = (env.JANUS_TOKEN_HOSTS || "").split(/[,\s]+/).filter(Boolean);
const TIMEOUT = Number(env.JANUS_TIMEOUT || 300);
const LIMIT = (TIMEOUT < 20 ? TIMEOUT / 2 : TIMEOUT - 10) * 1000;
const MAX_BODY = 10 * 2 ** 20, MAX_VALUES = 200000, STARTED = Date.now();
const REASONS = ["stop", "length", "tool_calls", "content_filter"];
const PASSED_ON = ["temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "presence_penalty",
  "frequency_penalty", "logit_bias", "parallel_tool_calls", "reasoning_effort", "response_format", "user", "metadata"];
const figures = { requests_total: 0, errors_total: 0, requests_in_flight: 0, ttft_seconds: 0, gap_seconds: 0,
  tokens_total: 0, artifacts_total: 0, sandbox_seconds_total: 0 };

class Refused extends Error {
  constructor(param, message, status = 400) { super(message); this.param = param; this.status = status; }
}

// The request

function count(value) {
  let found = 0;
  const waiting = [value];
  while (waiting.length && found <= MAX_VALUES) {
    const next = waiting.pop();
    found += 1;
    if (next && typeof next === "object") for (const item of Object.values(next)) waiting.push(item);
  }
  return found;
}

function parsed(body) {
  let text, given;
  try { text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body); given = JSON.parse(text); }
  catch { throw new Refused(null, "the body is not valid JSON"); }
  if (!given || typeof given !== "object" || Array.isArray(given)) throw new Refused(null, "the body is not an object");
  if (count(given) > MAX_VALUES) throw new Refused(null, "the body has too many values");
  return given;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
function need(holds, param, message) { if (!holds) throw new Refused(param, `${param}: ${message}`); }

function wellFormed(value, path) {
  const waiting = [[path, 0, value]];
  while (waiting.length) {
    const [where, depth, next] = waiting.pop();
    need(depth < 150, path, "is nested too deeply");
    if (typeof next === "string") need(next.isWellFormed(), where, "is not Unicode text");
    if (typeof next === "number") need(Number.isFinite(next), where, "is not finite");
    if (Array.isArray(next)) next.forEach((item, n) => waiting.push([`${where}[${n}]`, depth + 1, item]));
    else if (isObject(next)) for (const [k, item] of Object.entries(next)) waiting.push([`${where}.${k}`, depth + 1, item]);
  }
}

function checkParts(message, where) {
  const content = message.content;
  if (content === undefined || content === null || typeof content === "string") return;
  need(Array.isArray(content), `${where}.content`, "must be a string, a list of parts, or null");
  const known = ["text", "image_url", "file", ...(message.role === "assistant" ? ["refusal"] : [])];
  content.forEach((part, n) => {
    const type = isObject(part) ? part.type : undefined;
    need(known.includes(type), `${where}.content[${n}].type`, `must be one of ${known.join(", ")}`);
  });
}

function checkTools(asked) {
  const tools = asked.tools ?? [];
  need(Array.isArray(tools), "tools", "must be a list");
  tools.forEach((tool, n) => {
    need(tool?.type !== "custom", `tools[${n}].type`, "custom tools are not supported");
    need(typeof tool?.function?.name === "string", `tools[${n}].function.name`, "is required");
  });
  const choice = asked.tool_choice;
  if (choice === undefined || choice === null) return;
  if (typeof choice === "string") return need(["none", "auto", "required"].includes(choice), "tool_choice", "is unknown");
  need(isObject(choice), "tool_choice", "has a wrong type");
  const chosen = choice.type === "allowed_tools" ? choice.allowed_tools?.tools ?? [] : [choice];
  const offered = tools.map((tool) => tool.function.name);
  for (const each of chosen) need(offered.includes(each?.function?.name), "tool_choice", "is not one of the tools");
}

function check(asked) {
  for (const [name, value] of Object.entries(asked)) wellFormed(value, name);
  need(typeof asked.model === "string", "model", "is required");
  const ranges = { temperature: [0, 2], top_p: [0, 1], max_tokens: [1, Infinity], max_completion_tokens: [1, Infinity] };
  for (const [name, [low, high]] of Object.entries(ranges)) {
    const value = asked[name] ?? low;
    need(typeof value === "number" && value >= low && value <= high, name, `must be a number from ${low} to ${high}`);
  }
  need((asked.n ?? 1) === 1, "n", "must be 1");
  need([undefined, null, true, false].includes(asked.stream), "stream", "must be true or false");
  for (const name of ["stream_options", "generation_flags"]) need(isObject(asked[name] ?? {}), name, "must be an object");
  need(typeof (asked.chutes_access_token ?? "") === "string", "chutes_access_token", "must be a string");
  const format = asked.response_format?.type ?? "text";
  need(["text", "json_object", "json_schema"].includes(format), "response_format", "is unknown");
  checkTools(asked);
  need(Array.isArray(asked.messages) && asked.messages.length > 0, "messages", "must be a list of messages");
  asked.messages.forEach((message, n) => {
    const where = `messages[${n}]`;
    need(isObject(message), where, "must be an object");
    need(["system", "developer", "user", "assistant", "tool"].includes(message.role), `${where}.role`, "is unknown");
    need(Array.isArray(message.tool_calls ?? []), `${where}.tool_calls`, "must be a list");
    need(message.role !== "tool" || typeof message.tool_call_id === "string", `${where}.tool_call_id`, "is required");
    checkParts(message, where);
  });
}

// What the upstream gets

const named = (text) => text.replace(/!?\[([^\]]*)\]\(data:[^)]*\)/g, "[$1]").replace(/data:[^\s)]*;base64,[^\s)]*/g, "[data]");

function forUpstream(message) {
  const { artifacts, ...sent } = message;
  if (sent.role === "developer") sent.role = "system";
  if (sent.role === "assistant" && typeof sent.content === "string") sent.content = named(sent.content);
  if (!Array.isArray(sent.content)) return sent;
  sent.content = sent.content.map((part) => {
    if (part.type === "refusal") return { type: "text", text: part.refusal };
    if (part.type === "file") {
      const file = part.file ?? part;
      return { type: "text", text: file.mime_type?.startsWith("text/") ? file.content : `[file ${file.name}]` };
    }
    return part.type === "text" && sent.role === "assistant" ? { type: "text", text: named(part.text) } : part;
  });
  return sent;
}

function upstreamBody(asked) {
  const body = { model: env.JANUS_LLM_MODEL || asked.model, messages: asked.messages.map(forUpstream), stream: true,
    stream_options: { include_usage: true } };
  for (const name of PASSED_ON) if (asked[name] !== undefined && asked[name] !== null) body[name] = asked[name];
  let tools = [...new Map((asked.tools ?? []).toReversed().map((tool) => [tool.function.name, tool])).values()];
  let choice = asked.tool_choice;
  if (choice?.type === "allowed_tools") {
    const allowed = choice.allowed_tools.tools.map((tool) => tool.function.name);
    tools = tools.filter((tool) => allowed.includes(tool.function.name));
    choice = choice.allowed_tools.mode;
  }
  if (tools.length) Object.assign(body, { tools }, choice ? { tool_choice: choice } : {});
  return body;
}

const isPlatform = (host) => host === "chutes.ai" || host.endsWith(".chutes.ai");

function keyFor(asked) {
  if (!BASE_URL) return null;
  const host = new URL(BASE_URL).hostname, token = asked.chutes_access_token ?? "";
  const usable = token.length >= 8 && (isPlatform(host) || TOKEN_HOSTS.includes(host));
  return usable ? token : KEY || (isPlatform(host) ? null : "");
}

// The answer

const estimate = (value) => JSON.stringify(value, (name, item) =>
  typeof item === "string" && /base64,|^[A-Za-z0-9+/=]{1000,}$/.test(item) ? "" : item).length >> 2;

class Answer {
  constructor(asked, form) {
    Object.assign(this, { asked, form, text: "", reasoning: "", calls: [], kept: new Set(), usage: null, reason: "stop" });
    this.offered = new Set((asked.tools ?? []).map((tool) => tool.function.name));
  }

  say(delta) {
    if (delta.content) this.text += delta.content;
    if (delta.reasoning_content) this.reasoning += delta.reasoning_content;
    this.form.delta(delta);
  }

  call(piece) {
    if (piece.function?.name && this.offered.has(piece.function.name)) {
      this.kept.add(piece.index);
      this.calls[piece.index] = { id: piece.id, type: "function", function: { name: piece.function.name, arguments: "" } };
    }
    if (!this.kept.has(piece.index)) return;
    this.calls[piece.index].function.arguments += piece.function?.arguments ?? "";
    this.form.delta({ tool_calls: [piece] });
  }

  read(chunk) {
    if (chunk.error) throw new Error("it sent an error");
    const choice = chunk.choices?.[0];
    this.usage = chunk.usage ?? choice?.usage ?? chunk.x_groq?.usage ?? this.usage;
    if (choice?.delta?.reasoning_content) this.say({ reasoning_content: choice.delta.reasoning_content });
    if (choice?.delta?.content) this.say({ content: choice.delta.content });
    for (const piece of choice?.delta?.tool_calls ?? []) this.call(piece);
    if (choice?.finish_reason) this.reason = REASONS.includes(choice.finish_reason) ? choice.finish_reason : "stop";
  }

  counted() {
    const prompt = this.usage?.prompt_tokens || estimate(this.asked.messages) + 1;
    const completion = this.usage?.completion_tokens || ((this.text.length + this.reasoning.length) >> 2) + 1;
    return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  }

  ending(failed) {
    if (failed) return failed === "length" ? "length" : "stop";
    const called = this.calls.some(Boolean);
    return called ? "tool_calls" : this.reason === "tool_calls" ? "stop" : this.reason;
  }
}

function ask(answer, key, signal) {
  return new Promise((done, failed) => {
    const headers = { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
    const request = http.request(`${BASE_URL}/chat/completions`, { method: "POST", headers, signal, agent: false }, (reply) => {
      if (reply.statusCode !== 200) { reply.resume(); return failed(new Error(`it answered ${reply.statusCode}`)); }
      if (!String(reply.headers["content-type"]).includes("event-stream")) { reply.resume(); return failed(new Error("it sent no stream")); }
      let rest = "", ended = false;
      reply.setEncoding("utf8");
      reply.on("data", (data) => {
        const lines = (rest + data).split("\n");
        rest = lines.pop();
        try {
          for (const line of lines) {
            if (line.trim() === "data: [DONE]") ended = true;
            else if (line.startsWith("data: ")) { const chunk = JSON.parse(line.slice(6)); answer.read(chunk); ended ||= Boolean(chunk.choices?.[0]?.finish_reason); }
          }
        } catch (error) { request.destroy(); failed(new Error("it sent what is no chunk")); }
      });
      reply.on("end", () => (ended ? done() : failed(new Error("it broke off"))));
      reply.on("error", () => failed(new Error("it broke off")));
      reply.on("aborted", () => failed(new Error("it broke off")));
    });
    request.on("error", () => failed(new Error("it cannot be reached")));
    request.end(JSON.stringify(upstreamBody(answer.asked)));
  });
}

async function run(answer, response) {
  const key = keyFor(answer.asked), leaving = new AbortController();
  let late = false;
  const timer = setTimeout(() => { late = true; leaving.abort(); }, LIMIT);
  response.on("close", () => leaving.abort());
  try {
    if (key !== null) await ask(answer, key, leaving.signal);
    else {
      answer.say({ reasoning_content: "I think. " });
      const choice = answer.asked.tool_choice;
      if (isObject(choice) || choice === "required") {
        const name = choice.function?.name ?? answer.asked.tools[0].function.name;
        answer.call({ index: 0, id: "call_1", type: "function", function: { name, arguments: '{"city": "x"}' } });
      } else answer.say({ content: "I am an offline model and can say little." });
    }
    return "";
  } catch (error) {
    if (late) { answer.say({ content: " (The time is over.)" }); return "length"; }
    figures.errors_total += 1;
    answer.say({ content: `${answer.text ? "\n\n" : ""}The model's server failed: ${error.message}.` });
    return "failed";
  } finally { clearTimeout(timer); }
}

// HTTP

const ascii = (value) => JSON.stringify(value).replace(/[\u007f-\uffff]/g,
  (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

function send(response, status, body, headers = {}) {
  const data = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(data), ...headers });
  response.end(data);
}

function echoed(request) {
  return Object.fromEntries(["x-request-id", "x-correlation-id"].filter((name) => request.headers[name])
    .map((name) => [name, request.headers[name]]));
}

function answerId(request) {
  const given = request.headers["x-request-id"] ?? "";
  return /^[\w.-]{1,128}$/.test(given) ? given : `chatcmpl-${crypto.randomBytes(12).toString("hex")}`;
}

async function stream(asked, request, response) {
  const fixed = { id: answerId(request), object: "chat.completion.chunk", created: Math.floor(Date.now() / 1000), model: asked.model };
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no", ...echoed(request) });
  let spoke = Date.now(), wrote = Date.now();
  const write = (chunk) => { wrote = Date.now(); response.write(`data: ${ascii(chunk)}\n\n`); };
  const form = { delta: (delta) => { spoke = Date.now(); write({ ...fixed, choices: [{ index: 0, delta }] }); } };
  form.delta({ role: "assistant" });
  let patience = 400;
  const clock = setInterval(() => {
    if (Date.now() - spoke >= patience) { patience = 1500; form.delta({ reasoning_content: "I wait for the model. " }); }
    else if (Date.now() - wrote >= 900) { wrote = Date.now(); response.write(": ping\n\n"); }
  }, 100);
  const answer = new Answer(asked, form);
  const reason = answer.ending(await run(answer, response));
  clearInterval(clock);
  const usage = answer.counted(), apart = asked.stream_options?.include_usage === true;
  write({ ...fixed, choices: [{ index: 0, delta: {}, finish_reason: reason }], ...(apart ? {} : { usage }) });
  if (apart) write({ ...fixed, choices: [], usage });
  response.end("data: [DONE]\n\n");
}

async function whole(asked, request, response) {
  const answer = new Answer(asked, { delta: () => {} });
  const reason = answer.ending(await run(answer, response));
  const message = { role: "assistant", content: answer.text, reasoning_content: answer.reasoning, artifacts: [] };
  if (answer.calls.some(Boolean)) message.tool_calls = answer.calls.filter(Boolean);
  send(response, 200, { id: answerId(request), object: "chat.completion", created: Math.floor(Date.now() / 1000), model: asked.model,
    choices: [{ index: 0, message, finish_reason: reason }], usage: answer.counted() }, echoed(request));
}

function body(request) {
  return new Promise((done, failed) => {
    const parts = [];
    let size = 0;
    request.on("data", (part) => { size += part.length; if (size <= MAX_BODY) parts.push(part); });
    request.on("end", () => (size > MAX_BODY ? failed(new Refused(null, "the body is too large", 413)) : done(Buffer.concat(parts))));
    request.on("error", failed);
  });
}

async function chat(request, response) {
  try {
    const data = await body(request);
    const type = String(request.headers["content-type"]).split(";")[0];
    if (type !== "application/json" || request.headers["content-encoding"]) throw new Refused("content-type", "send plain application/json", 415);
    if (Object.keys(request.headers).length > 200) throw new Refused(null, "too many header fields", 431);
    const asked = parsed(data);
    check(asked);
    figures.requests_total += 1;
    figures.requests_in_flight += 1;
    try { await (asked.stream ? stream : whole)(asked, request, response); } finally { figures.requests_in_flight -= 1; }
  } catch (error) {
    if (!(error instanceof Refused)) { response.destroy(); return; }
    send(response, error.status, { error: { message: error.message, type: "invalid_request_error", param: error.param, code: "bad" } }, echoed(request));
  }
}

const server = http.createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
  const route = `${request.method} ${request.url}`;
  if (route === "POST /v1/chat/completions") return chat(request, response);
  if (route === "GET /health") {
    return send(response, 200, { status: "ok", version: "1", contract_version: "1.1.0", backend: "node", model: "m", uptime_seconds: (Date.now() - STARTED) / 1000 });
  }
  if (route === "GET /v1/models") return send(response, 200, { object: "list", data: [{ id: "m", object: "model", created: 0, owned_by: "node" }] });
  if (route === "GET /metrics") {
    if (request.headers.accept === "application/json") return send(response, 200, figures);
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
    return response.end(Object.entries(figures).map(([name, value]) => `${name} ${value}\n`).join(""));
  }
  send(response, 404, { error: { message: "there is nothing here", type: "invalid_request_error", param: null, code: "not_found" } });
});
server.maxHeadersCount = 201;
server.on("clientError", (error, socket) => socket.end(`HTTP/1.1 ${error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`));
server.listen(Number(env.PORT || 8080), env.HOST || "0.0.0.0");
