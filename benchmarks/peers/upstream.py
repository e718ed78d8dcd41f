"""The address of the upstream, which all peers read from `OPENAI_BASE_URL`."""

import os

BASE_URL = os.environ["OPENAI_BASE_URL"]
CHAT_URL = f"{BASE_URL}/chat/completions"
TIMEOUT_SECONDS = 300.0
