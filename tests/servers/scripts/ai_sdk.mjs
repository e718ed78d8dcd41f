// A first server with the AI SDK, as one writes it after its documentation: it asks the server that OPENAI_BASE_URL
// names, and answers in OpenAI's format. The matrix shows what is missing before it complies with the contract.
import { createServer } from "node:http";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, streamText, tool } from "ai";

const upstream = createOpenAICompatible({
  name: "upstream",
  baseURL: process.env.OPENAI_BASE_URL ?? "http://127.0.0.1:9/v1",
  apiKey: process.env.OPENAI_API_KEY ?? "none",
});

function offered(tools) {
  const made = (each) => [
    each.function.name,
    tool({ description: each.function.description, inputSchema: jsonSchema(each.function.parameters) }),
  ];
  return Object.fromEntries((tools ?? []).map(made));
}

function counted(usage) {
  return { prompt_tokens: usage.inputTokens, completion_tokens: usage.outputTokens, total_tokens: usage.totalTokens };
}

function call(part, index) {
  const { toolCallId: id, toolName: name, input } = part;
  return { index, id, type: "function", function: { name, arguments: JSON.stringify(input) } };
}

async function answer(asked, response) {
  const call_ = { model: upstream(asked.model), messages: asked.messages, tools: offered(asked.tools) };
  const fixed = { id: `chatcmpl-${Date.now()}`, created: Math.floor(Date.now() / 1000), model: asked.model };
  if (!asked.stream) {
    const { text, finishReason, toolCalls, usage } = await generateText(call_);
    const message = { role: "assistant", content: text };
    if (toolCalls.length) message.tool_calls = toolCalls.map(call);
    const choices = [{ index: 0, message, finish_reason: finishReason.replace("-", "_") }];
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...fixed, object: "chat.completion", choices, usage: counted(usage) }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const send = (delta, more = {}) => {
    const choices = [{ index: 0, delta, finish_reason: null, ...more }];
    response.write(`data: ${JSON.stringify({ ...fixed, object: "chat.completion.chunk", choices })}\n\n`);
  };
  let calls = 0;
  for await (const part of streamText(call_).fullStream) {
    if (part.type === "start") send({ role: "assistant" });
    if (part.type === "text-delta") send({ content: part.text });
    if (part.type === "reasoning-delta") send({ reasoning_content: part.text });
    if (part.type === "tool-call") send({ tool_calls: [call(part, calls++)] });
    if (part.type === "finish") send({}, { finish_reason: part.finishReason.replace("-", "_") });
  }
  response.end("data: [DONE]\n\n");
}

createServer((request, response) => {
  if (request.url === "/health") return response.writeHead(200).end("ok");
  if (request.url !== "/v1/chat/completions") return response.writeHead(404).end();
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () =>
    answer(JSON.parse(body), response).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: error.message } }));
    }),
  );
}).listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? "127.0.0.1");

process.on("uncaughtException", (error) => console.error(error.message));
