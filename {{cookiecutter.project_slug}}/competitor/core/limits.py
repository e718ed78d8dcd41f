"""Limits that no setting changes, room by room. What an owner may change is in settings.py.
Contract file: replaced by updates.
"""

# Requests.
# Measured: without limits a head of 10 MB is a 200. Gateways send 2 KiB, and most servers take 8 to 64 KiB.
MAX_REQUEST_HEAD_BYTES = 64 * 1024
MAX_REQUEST_FIELDS = 200
# A client that is still sending when the connection closes loses the answer to a reset, so up to this much of a body
# that is too large is read and discarded.
MAX_DISCARDED_BYTES = 64 * 2**20
MAX_ERROR_PATH_CHARACTERS = 200
# More files than a person attaches.
MAX_RECEIVED_FILES = 64

# Responses of upstreams.
MAX_RESPONSE_HEAD_BYTES = 64 * 1024
# Beyond this many bytes that no reader has asked for, the connection is paused.
MAX_UNREAD_BYTES = 64 * 1024
# A read of 64 KiB that unpacks to more than this is a bomb, not an answer.
MAX_UNPACKED_BYTES = 4 * 2**20
MAX_IDLE_CONNECTIONS = 256
MAX_IDLE_SECONDS = 30.0
# Some models send whole images as text in one event.
MAX_EVENT_BYTES = 16 * 2**20
MAX_WHOLE_RESPONSE_BYTES = 16 * 2**20
MAX_ERROR_BODY_BYTES = 16 * 1024
MAX_RETRY_PAUSE_SECONDS = 20.0
MAX_WAITING_CHARACTERS = 64 * 1024

# Answers.
# Some readers have line limits of 512 KiB; a long piece leaves as several deltas.
MAX_PIECE_CHARACTERS = 16 * 1024
# Some readers have line limits of 512 KiB (A2), so a longer `data:` URL comes in several deltas.
MAX_LINK_CHARACTERS = 256 * 1024
# Beyond this many unsent bytes the source is paused, so that memory stays flat.
MAX_UNSENT_BYTES = 64 * 1024
# A source that sends this much at once does not stream; holding it would only cost memory.
MAX_HELD_CHARACTERS = 64 * 1024
MAX_DELTA_CHARACTERS = 16 * 1024
# How long the last bytes may wait for a client that does not read.
MAX_LAST_WRITE_SECONDS = 10.0
# How long a cancelled backend may take to clean up before it is left behind.
MAX_CLEAN_UP_SECONDS = 1.0

# Tools.
# A model that asks for more calls at once has lost its way.
MAX_CALLS_AT_ONCE = 32
MAX_ARGUMENT_BYTES = 256 * 1024
# What a model may read of one call. A page of 20,000 characters is about 5,000 tokens, and is paid for in each turn.
MAX_RESULT_CHARACTERS = 20_000
# How long a cancelled tool may clean up before it is left behind; less than the core gives a backend.
MAX_TOOL_CLEAN_UP_SECONDS = 0.5
# Section 8: a page is at most 1 MB, before it becomes JSON.
MAX_REPLY_BYTES = 4 * 2**20
MAX_FILE_CHARACTERS = 100_000
MAX_PLOT_VALUES = 1000
# Section 8: the platform's sandbox refuses more.
MAX_SANDBOX_SECONDS = 60
MAX_CODE_CPU_SECONDS = 10
MAX_CODE_MEMORY_BYTES = 512 * 2**20
MAX_CODE_FILE_BYTES = 16 * 2**20
MAX_CODE_OPEN_FILES = 64
MAX_EXPRESSION_CHARACTERS = 500
MAX_NUMBER_BITS = 4_096
MAX_DIGITS = 100

# Artifacts and metrics.
MAX_NAME_BYTES = 200
MAX_TOOL_LABELS = 64

# The debug console.
MAX_RECORDS = 50
MAX_RECORDS_BYTES = 8 * 2**20
# What all open requests, and those that wait to be written to files, may hold in memory together.
MAX_HELD_BYTES = 8 * 2**20
# More requests than are kept would replace each other: under such a load some are not recorded.
MAX_WAITING = 64
MAX_SHOWN_REQUEST_BYTES = 256 * 1024
MAX_RECORDED_ANSWER_BYTES = 1024 * 1024
MAX_LIVE_FILES = 100
MAX_LIVE_FILE_BYTES = 256 * 1024

# The offline model.
MAX_SUM_CHARACTERS = 2_000
MAX_SUMS = 10
MAX_SCHEMA_DEPTH = 12
MAX_VALUE_CHARACTERS = 10_000
MAX_ITEMS = 100
MAX_VALUES = 5_000
MAX_PLAN_CHARACTERS = 12_000
MAX_PLANNED_CALLS = 16
MAX_WORDS = 5_000
