"""Your models, by short names: `chat.complete(model="fast")`, or `chat.complete(models=["fast", "big"])`, where the
next model is asked if one does not answer.

    MODELS = {
        "fast": Model("Qwen/Qwen3-32B", price_in=0.08, price_out=0.24, sees=False),
        "big": Model("Qwen/Qwen3-VL-235B-A22B-Instruct", sees=True, reasons=False),
        "other": Model("gpt-5-mini", base_url="https://api.openai.com/v1", key="OPENAI_API_KEY"),
    }

Without a base URL, the server is the one at JANUS_LLM_BASE_URL. `key` is the name of an environment variable; never
write a key here. The variables JANUS_MODEL_FAST_ID, JANUS_MODEL_FAST_BASE_URL and JANUS_MODEL_FAST_KEY replace what
this file says about `fast`, and so on. `python -m competitor settings --env > .env.example` lists all of them.
"""

from ..api import Model

MODELS: dict[str, Model] = {}
