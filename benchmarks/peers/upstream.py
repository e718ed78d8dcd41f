"""Where the upstream of all peers is: `OPENAI_BASE_URL`, as everywhere."""

import os

BASE_URL = os.environ["OPENAI_BASE_URL"]
CHAT_URL = f"{BASE_URL}/chat/completions"
TIMEOUT_SECONDS = 300.0
