// Runs the JavaScript clients: reads a task in JSON from each line of its input, and prints a line for each result.
// The tasks and results are those of python_clients.py.

import { createInterface } from "node:readline";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const MODEL = "some-model";
const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const said = (city) => `Sunny in ${city}.`;
const Trip = z.object({ city: z.string(), days: z.number().int() });
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Gets the weather of a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const user = (content) => ({ role: "user", content });
const pictured = (text) => user([{ type: "text", text }, { type: "image_url", image_url: { url: PICTURE } }]);
const call = (each) => ({ name: each.function.name, arguments: JSON.parse(each.function.arguments) });

function openaiNode(url) {
  const client = new OpenAI({ baseURL: url, apiKey: "unused", maxRetries: 0, timeout: 60_000 });
  const message = async (messages, options = {}) => {
    const artifacts = [];
    const stream = client.chat.completions.stream({ model: MODEL, messages, ...options });
    stream.on("chunk", (chunk) => artifacts.push(...(chunk.choices[0]?.delta?.janus?.payload?.items ?? [])));
    return { ...(await stream.finalMessage()), artifacts };
  };
  const tools = async (prompt) => {
    const { artifacts, parsed, ...asked } = await message([user(prompt)], { tools: [WEATHER] });
    const calls = asked.tool_calls ?? [];
    const results = calls.map((each) => ({ role: "tool", tool_call_id: each.id, content: said(call(each).arguments.city) }));
    const last = calls.length ? await message([user(prompt), asked, ...results], { tools: [WEATHER] }) : asked;
    return { text: last.content, calls: calls.map(call) };
  };
  return {
    tools,
    parallel: tools,
    whole: async (prompt) => {
      const made = await client.chat.completions.create({ model: MODEL, messages: [user(prompt)] });
      return { text: made.choices[0].message.content };
    },
    stream: async (prompt) => ({ text: (await message([user(prompt)])).content }),
    schema: async (prompt) => {
      const response_format = zodResponseFormat(Trip, "trip");
      const made = await client.chat.completions.parse({ model: MODEL, messages: [user(prompt)], response_format });
      return { data: made.choices[0].message.parsed };
    },
    image: async (prompt) => ({ text: (await message([pictured(prompt)])).content }),
    abort: async (prompt) => {
      const stream = await client.chat.completions.create({ model: MODEL, messages: [user(prompt)], stream: true });
      for await (const _ of stream) break;
      return { text: "" };
    },
    artifacts: async (prompt) => {
      const made = await message([user(prompt)]);
      return { text: made.content, data: made.artifacts.map((item) => item.display_name) };
    },
    wire: async (prompt) => {
      const made = await message([user(prompt)], { tools: [WEATHER] });
      return { text: made.content ?? "", calls: (made.tool_calls ?? []).map(call) };
    },
  };
}

function aiSdk(model) {
  const answered = async (prompt, streamed, messages = [user(prompt)]) => {
    const calls = [];
    const get_weather = tool({
      description: "Gets the weather of a city.",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => {
        calls.push({ name: "get_weather", arguments: { city } });
        return said(city);
      },
    });
    const failures = [];
    const options = { model, messages, tools: { get_weather }, stopWhen: stepCountIs(3), maxRetries: 0 };
    const made = streamed
      ? streamText({ ...options, onError: ({ error }) => failures.push(error) })
      : await generateText(options);
    const text = await made.text;
    if (failures.length) throw failures[0];
    return { text, calls };
  };
  const tools = (prompt) => answered(prompt, true);
  return {
    tools,
    parallel: tools,
    wire: tools,
    whole: (prompt) => answered(prompt, false),
    stream: (prompt) => answered(prompt, true),
    schema: async (prompt) => ({ data: (await generateObject({ model, prompt, schema: Trip, maxRetries: 0 })).object }),
    image: (prompt) =>
      answered(prompt, true, [user([{ type: "text", text: prompt }, { type: "image", image: PICTURE }])]),
    abort: async (prompt) => {
      const controller = new AbortController();
      const made = streamText({ model, prompt, abortSignal: controller.signal, maxRetries: 0, onError: () => {} });
      for await (const _ of made.textStream) {
        controller.abort();
        break;
      }
      return { text: "" };
    },
  };
}

const CLIENTS = {
  "openai-node": openaiNode,
  "ai-sdk-openai": (url) => aiSdk(createOpenAI({ baseURL: url, apiKey: "unused" }).chat(MODEL)),
  "ai-sdk-compatible": (url) =>
    aiSdk(createOpenAICompatible({ name: "janus", baseURL: url, supportsStructuredOutputs: true })(MODEL)),
};

globalThis.AI_SDK_LOG_WARNINGS = false;
const cases = Object.entries(CLIENTS).map(([name, make]) => [name, Object.keys(make("http://127.0.0.1:9/v1"))]);
const write = (result) => process.stdout.write(`${JSON.stringify(result)}\n`);
console.log = console.error; // some clients print
write(Object.fromEntries(cases));
for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line);
  let result;
  try {
    result = await CLIENTS[task.client](task.url)[task.case](task.prompt);
  } catch (error) {
    result = { error: `${error?.name}: ${error?.message}`.slice(0, 500), trace: String(error?.stack).slice(-2000) };
  }
  write(result);
}
