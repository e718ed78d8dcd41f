"""Runs the Python clients: reads a task in JSON from each line of its input, and prints a line for each result.

It runs in the environment of requirements.txt and imports nothing of the template. A task has `client`, `case`, `url`
and `prompt`; a result has `text`, `calls` and `data`, or `error`.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

os.environ.update(OPENAI_API_KEY="unused", OPENAI_AGENTS_DISABLE_TRACING="1", LITELLM_LOCAL_MODEL_COST_MAP="True")

import agents
import instructor
import litellm
import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool as langchain_tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

Json = dict[str, Any]
MODEL, KEY = "some-model", "unused"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = f"data:image/png;base64,{PIXEL}"
SAID = "Sunny in {city}."
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Gets the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Trip(BaseModel):
    city: str
    days: int


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def pictured(text: str) -> Json:
    return {
        "role": "user",
        "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": PICTURE}}],
    }


def call(name: str, arguments: str) -> Json:
    return {"name": name, "arguments": json.loads(arguments)}


def answered(calls: list[Any]) -> list[Json]:
    """The results of tool calls in OpenAI's format."""
    return [
        {"role": "tool", "tool_call_id": each.id, "content": SAID.format(**json.loads(each.function.arguments))}
        for each in calls
    ]


class OpenAi:
    def __init__(self, url: str):
        self.client = openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=60)

    def said(self, messages: list[Json], **options: Any) -> tuple[Any, list[Json]]:
        """The message of an answer by the SDK's stream helper, and the artifacts that came with it."""
        artifacts: list[Json] = []
        with self.client.chat.completions.stream(model=MODEL, messages=messages, **options) as stream:
            for event in stream:
                if event.type == "chunk" and event.chunk.choices:
                    janus = (event.chunk.choices[0].delta.model_extra or {}).get("janus") or {}
                    artifacts += janus.get("payload", {}).get("items", [])
            return stream.get_final_completion().choices[0].message, artifacts

    def whole(self, prompt: str) -> Json:
        made = self.client.chat.completions.create(model=MODEL, messages=[user(prompt)])
        return {"text": made.choices[0].message.content}

    def stream(self, prompt: str) -> Json:
        return {"text": self.said([user(prompt)])[0].content}

    def tools(self, prompt: str) -> Json:
        asked, _ = self.said([user(prompt)], tools=[WEATHER])
        calls = asked.tool_calls or []
        history = [user(prompt), asked.model_dump(exclude_none=True), *answered(calls)]
        text = self.said(history, tools=[WEATHER])[0].content if calls else asked.content
        return {"text": text, "calls": [call(each.function.name, each.function.arguments) for each in calls]}

    parallel = tools

    def schema(self, prompt: str) -> Json:
        made = self.client.chat.completions.parse(model=MODEL, messages=[user(prompt)], response_format=Trip)
        return {"data": made.choices[0].message.parsed.model_dump()}

    def image(self, prompt: str) -> Json:
        return {"text": self.said([pictured(prompt)])[0].content}

    def abort(self, prompt: str) -> Json:
        with self.client.chat.completions.create(model=MODEL, messages=[user(prompt)], stream=True) as stream:
            next(iter(stream))
        return {"text": ""}

    def artifacts(self, prompt: str) -> Json:
        message, artifacts = self.said([user(prompt)])
        return {"text": message.content, "data": [item["display_name"] for item in artifacts]}

    def wire(self, prompt: str) -> Json:
        message, _ = self.said([user(prompt)], tools=[WEATHER])
        calls = [call(each.function.name, each.function.arguments) for each in message.tool_calls or []]
        return {"text": message.content or "", "calls": calls}


class LangChain:
    def __init__(self, url: str):
        self.model = ChatOpenAI(model=MODEL, base_url=url, api_key=KEY, max_retries=0, timeout=60)

    def streamed(self, model: Any, messages: list[Any]) -> Any:
        first, *rest = list(model.stream(messages))
        for chunk in rest:
            first += chunk
        return first

    def whole(self, prompt: str) -> Json:
        return {"text": self.model.invoke(prompt).content}

    def stream(self, prompt: str) -> Json:
        return {"text": self.streamed(self.model, [HumanMessage(prompt)]).content}

    def tools(self, prompt: str) -> Json:
        @langchain_tool
        def get_weather(city: str) -> str:
            """Gets the weather of a city."""
            return SAID.format(city=city)

        model = self.model.bind_tools([get_weather])
        asked = self.streamed(model, [HumanMessage(prompt)])
        results = [ToolMessage(get_weather.invoke(each["args"]), tool_call_id=each["id"]) for each in asked.tool_calls]
        history = [HumanMessage(prompt), asked, *results]
        text = self.streamed(model, history).content if results else asked.content
        return {"text": text, "calls": [{"name": each["name"], "arguments": each["args"]} for each in asked.tool_calls]}

    parallel = tools

    def schema(self, prompt: str) -> Json:
        return {"data": self.model.with_structured_output(Trip).invoke(prompt).model_dump()}

    def image(self, prompt: str) -> Json:
        return {"text": self.streamed(self.model, [HumanMessage(pictured(prompt)["content"])]).content}

    def abort(self, prompt: str) -> Json:
        chunks = self.model.stream(prompt)
        next(chunks)
        chunks.close()
        return {"text": ""}

    def wire(self, prompt: str) -> Json:
        asked = self.streamed(self.model.bind_tools([WEATHER]), [HumanMessage(prompt)])
        return {"text": asked.content, "calls": [{"name": c["name"], "arguments": c["args"]} for c in asked.tool_calls]}


class LiteLlm:
    def __init__(self, url: str):
        self.options: Json = {"model": f"openai/{MODEL}", "api_base": url, "api_key": KEY, "num_retries": 0}

    def streamed(self, messages: list[Json], **options: Any) -> Any:
        chunks = list(litellm.completion(messages=messages, stream=True, **self.options, **options))
        return litellm.stream_chunk_builder(chunks, messages=messages).choices[0].message

    def whole(self, prompt: str) -> Json:
        return {"text": litellm.completion(messages=[user(prompt)], **self.options).choices[0].message.content}

    def stream(self, prompt: str) -> Json:
        return {"text": self.streamed([user(prompt)]).content}

    def tools(self, prompt: str) -> Json:
        asked = self.streamed([user(prompt)], tools=[WEATHER])
        calls = asked.tool_calls or []
        history = [user(prompt), asked.model_dump(exclude_none=True), *answered(calls)]
        text = self.streamed(history, tools=[WEATHER]).content if calls else asked.content
        return {"text": text, "calls": [call(each.function.name, each.function.arguments) for each in calls]}

    parallel = tools

    def schema(self, prompt: str) -> Json:
        made = litellm.completion(messages=[user(prompt)], response_format=Trip, **self.options)
        return {"data": Trip.model_validate_json(made.choices[0].message.content).model_dump()}

    def image(self, prompt: str) -> Json:
        return {"text": self.streamed([pictured(prompt)]).content}

    def abort(self, prompt: str) -> Json:
        stream = litellm.completion(messages=[user(prompt)], stream=True, **self.options)
        next(iter(stream))
        stream.completion_stream.close()
        return {"text": ""}

    def wire(self, prompt: str) -> Json:
        message = self.streamed([user(prompt)], tools=[WEATHER])
        calls = [call(each.function.name, each.function.arguments) for each in message.tool_calls or []]
        return {"text": message.content or "", "calls": calls}


class PydanticAi:
    def __init__(self, url: str):
        client = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=60)
        self.model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))

    def whole(self, prompt: str) -> Json:
        return {"text": Agent(self.model).run_sync(prompt).output}

    def stream(self, prompt: str) -> Json:
        async def streamed() -> str:
            async with Agent(self.model).run_stream(prompt) as result:
                return "".join([piece async for piece in result.stream_text(delta=True)])

        return {"text": asyncio.run(streamed())}

    def tools(self, prompt: str) -> Json:
        agent = Agent(self.model)
        calls = self.with_weather(agent)

        async def streamed() -> str:
            async with agent.run_stream(prompt) as result:
                return str(await result.get_output())

        return {"text": asyncio.run(streamed()), "calls": calls}

    parallel = wire = tools

    def schema(self, prompt: str) -> Json:
        return {"data": Agent(self.model, output_type=Trip).run_sync(prompt).output.model_dump()}

    def tools_and_schema(self, prompt: str) -> Json:
        agent = Agent(self.model, output_type=Trip)
        calls = self.with_weather(agent)
        return {"data": agent.run_sync(prompt).output.model_dump(), "calls": calls}

    def with_weather(self, agent: Any) -> list[Json]:
        """Adds the tool to an agent. Returns the list of its calls."""
        calls: list[Json] = []

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Gets the weather of a city."""
            calls.append({"name": "get_weather", "arguments": {"city": city}})
            return SAID.format(city=city)

        return calls

    def image(self, prompt: str) -> Json:
        return {"text": Agent(self.model).run_sync([prompt, BinaryContent.from_data_uri(PICTURE)]).output}

    def abort(self, prompt: str) -> Json:
        async def aborted() -> None:
            async with Agent(self.model).run_stream(prompt) as result:
                async for _ in result.stream_text(delta=True):
                    break

        asyncio.run(aborted())
        return {"text": ""}


class OpenAiAgents:
    def __init__(self, url: str):
        client = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=60)
        self.model = agents.OpenAIChatCompletionsModel(model=MODEL, openai_client=client)

    def agent(self, **options: Any) -> agents.Agent[None]:
        return agents.Agent(name="one", model=self.model, **options)

    def streamed(self, agent: agents.Agent[None], given: Any) -> Any:
        async def run() -> Any:
            result = agents.Runner.run_streamed(agent, given, max_turns=4)
            async for _ in result.stream_events():
                pass
            return result.final_output

        return asyncio.run(run())

    def whole(self, prompt: str) -> Json:
        return {"text": asyncio.run(agents.Runner.run(self.agent(), prompt)).final_output}

    def stream(self, prompt: str) -> Json:
        return {"text": self.streamed(self.agent(), prompt)}

    def tools(self, prompt: str) -> Json:
        tool, calls = self.weather()
        return {"text": self.streamed(self.agent(tools=[tool]), prompt), "calls": calls}

    parallel = wire = tools

    def schema(self, prompt: str) -> Json:
        return {"data": self.streamed(self.agent(output_type=Trip), prompt).model_dump()}

    def tools_and_schema(self, prompt: str) -> Json:
        tool, calls = self.weather()
        agent = self.agent(tools=[tool], output_type=Trip)
        return {"data": self.streamed(agent, prompt).model_dump(), "calls": calls}

    def weather(self) -> tuple[Any, list[Json]]:
        """The tool, and the list of its calls."""
        calls: list[Json] = []

        @agents.function_tool
        def get_weather(city: str) -> str:
            """Gets the weather of a city."""
            calls.append({"name": "get_weather", "arguments": {"city": city}})
            return SAID.format(city=city)

        return get_weather, calls

    def image(self, prompt: str) -> Json:
        parts = [
            {"type": "input_text", "text": prompt},
            {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        ]
        return {"text": self.streamed(self.agent(), [{"role": "user", "content": parts}])}

    def abort(self, prompt: str) -> Json:
        async def aborted() -> None:
            result = agents.Runner.run_streamed(self.agent(), prompt)
            async for _ in result.stream_events():
                result.cancel()
                break

        asyncio.run(aborted())
        return {"text": ""}


class Instructor:
    def __init__(self, url: str):
        client = openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=60)
        self.modes = [
            instructor.from_openai(client, mode=mode) for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA)
        ]

    def schema(self, prompt: str) -> Json:
        made = [each.create(model=MODEL, response_model=Trip, messages=[user(prompt)]) for each in self.modes]
        return {"data": made[0].model_dump()}

    def stream(self, prompt: str) -> Json:
        *_, last = self.modes[0].create_partial(model=MODEL, response_model=Trip, messages=[user(prompt)])
        return {"text": f"391 {last.city}"}


CLIENTS: dict[str, Callable[[str], Any]] = {
    "openai-python": OpenAi,
    "langchain-openai": LangChain,
    "litellm": LiteLlm,
    "pydantic-ai": PydanticAi,
    "openai-agents": OpenAiAgents,
    "instructor": Instructor,
}


def main() -> None:
    results, sys.stdout = sys.stdout, sys.stderr  # some clients print
    able = {name: [case for case in dir(made) if not case.startswith("_")] for name, made in CLIENTS.items()}
    print(json.dumps(able), file=results, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        try:
            client = CLIENTS[task["client"]](task["url"])
            result = getattr(client, task["case"])(task["prompt"])
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"[:500], "trace": traceback.format_exc()[-2000:]}
        print(json.dumps(result), file=results, flush=True)


if __name__ == "__main__":
    main()
