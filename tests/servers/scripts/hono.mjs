// A first server with Hono, as one writes it after its documentation: a proxy with streams, and an echo without an
// upstream.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";

const base = process.env.OPENAI_BASE_URL;
const app = new Hono();

app.get("/health", (context) => context.json({ status: "ok", version: "1.0.0", uptime_seconds: process.uptime() }));
app.get("/v1/models", (context) => context.json({ object: "list", data: [{ id: "hono", object: "model" }] }));

app.post("/v1/chat/completions", async (context) => {
  const asked = await context.req.json().catch(() => {
    throw new HTTPException(400, { message: "the body is not JSON" });
  });
  if (!Array.isArray(asked.messages)) throw new HTTPException(400, { message: "messages must be a list" });
  if (base) return await passedOn(context, asked);
  const said = `You said: ${asked.messages.at(-1)?.content}`;
  const fixed = { id: crypto.randomUUID(), created: 1, model: asked.model };
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  if (!asked.stream) {
    const choices = [{ index: 0, message: { role: "assistant", content: said }, finish_reason: "stop" }];
    return context.json({ ...fixed, object: "chat.completion", choices, usage });
  }
  return streamSSE(context, async (stream) => {
    const chunk = (choice) => ({ ...fixed, object: "chat.completion.chunk", choices: [{ index: 0, ...choice }] });
    const send = (data) => stream.writeSSE({ data: JSON.stringify(data) });
    await send(chunk({ delta: { role: "assistant", content: "" } }));
    for (const word of said.split(" ")) await send(chunk({ delta: { content: `${word} ` } }));
    await send({ ...chunk({ delta: {}, finish_reason: "stop" }), usage });
    await stream.writeSSE({ data: "[DONE]" });
  });
});

async function passedOn(context, asked) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${process.env.OPENAI_API_KEY}` };
  const answered = await fetch(`${base}/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify(asked),
    signal: context.req.raw.signal,
  });
  return new Response(answered.body, { status: answered.status, headers: answered.headers });
}

app.onError((error, context) => {
  const status = error instanceof HTTPException ? error.status : 500;
  return context.json({ error: { message: error.message, type: "error", param: null, code: null } }, status);
});

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080), hostname: process.env.HOST ?? "127.0.0.1" });
