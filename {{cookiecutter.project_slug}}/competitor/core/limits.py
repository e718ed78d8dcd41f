"""Limits that no setting changes, grouped by folder of the core. Limits that an owner may change are in settings.py.
Contract file: replaced by updates.
"""

# Limits of requests.
# Without limits, a head of 10 MB would be accepted. Gateways send 2 KiB, and most servers take 8 to 64 KiB.
MAX_REQUEST_HEAD_BYTES = 64 * 1024
MAX_REQUEST_FIELDS = 200
# If a connection is closed while the client still sends, the client may lose the response. So up to this many
# bytes of a body that is too large are read and discarded.
MAX_DISCARDED_BYTES = 64 * 2**20
MAX_ERROR_PATH_CHARACTERS = 200
# Messages, parts of messages, calls and tools in one request.
MAX_ENTRIES = 20_000
# This is more than a person attaches.
MAX_RECEIVED_FILES = 64

# Limits of upstreams' responses.
MAX_RESPONSE_HEAD_BYTES = 64 * 1024
# The connection is paused when this many bytes wait for a reader.
MAX_UNREAD_BYTES = 64 * 1024
# If a read of 64 KiB unpacks to more than this, it is an attack (a zip bomb), not an answer.
MAX_UNPACKED_BYTES = 4 * 2**20
MAX_IDLE_CONNECTIONS = 256
MAX_IDLE_SECONDS = 30.0
# Some models send whole images as text in one event, so the limit is high.
MAX_EVENT_BYTES = 16 * 2**20
MAX_WHOLE_RESPONSE_BYTES = 16 * 2**20
MAX_ERROR_BODY_BYTES = 16 * 1024
MAX_MODEL_LIST_BYTES = 2**20
MAX_RETRY_PAUSE_SECONDS = 20.0
MAX_LEARNT_PER_CALL = 4  # changes of a body after refusals
# How much of an answer that does not fit a schema is shown to the model that shall repair it.
MAX_REPAIR_CHARACTERS = 20_000
MAX_WAITING_CHARACTERS = 64 * 1024

MAX_SERVICE_ATTEMPTS = 3  # of a GET by a backend
MAX_WAITING_EVENTS = 1000  # of a service's stream; beyond it, the service must wait

# Limits of answers.
# Some readers accept lines of up to 512 KiB, so a long piece is sent as several deltas.
MAX_PIECE_CHARACTERS = 16 * 1024
# For the same reason (A2), a longer `data:` URL is sent in several deltas.
MAX_LINK_CHARACTERS = 256 * 1024
# A longer link has a `data:` URL. Pacing would cut it into hundreds of deltas.
MAX_PACED_LINK_CHARACTERS = 2_000
# The source is paused when this many bytes are unsent, so that memory stays constant.
MAX_UNSENT_BYTES = 64 * 1024
# A source that sends this much at once does not stream; pacing it would only use memory.
MAX_HELD_CHARACTERS = 64 * 1024
MAX_DELTA_CHARACTERS = 16 * 1024
# How long the last bytes may wait for a client that does not read.
MAX_LAST_WRITE_SECONDS = 10.0
# A competitor must be ready 30 s after its start (N1).
MAX_SETUP_SECONDS = 25.0
MAX_TEARDOWN_SECONDS = 5.0
# How long a cancelled backend may clean up before it is abandoned.
MAX_CLEAN_UP_SECONDS = 1.0

# Limits of tools.
# A model that asks for more calls in one turn is most likely confused.
MAX_CALLS_AT_ONCE = 32
MAX_ARGUMENT_BYTES = 256 * 1024
# Of a call of a client's tool: longer arguments, such as a document, are passed on as they come, and not fixed.
MAX_HELD_CALL_CHARACTERS = 4_000
MAX_FIXING_STEPS = 20_000  # for the arguments of one call, of about a microsecond each
MAX_FIXED_CALLS = 4  # of one model call: each is one more model call
# How many of the client's tools, and how much of a text, decide which tools are offered. OpenAI allows 128 tools.
MAX_COMPARED_TOOLS = 128
MAX_COMPARED_CHARACTERS = 4_000
# How much of a call's result a model may read. 20,000 characters are about 5,000 tokens, paid for in each turn.
MAX_RESULT_CHARACTERS = 20_000
# How long a cancelled tool may clean up before it is abandoned; less than the time for a backend.
MAX_TOOL_CLEAN_UP_SECONDS = 0.5
# A page has at most 1 MB (section 8), before it is escaped as JSON.
MAX_REPLY_BYTES = 4 * 2**20
MAX_FILE_CHARACTERS = 100_000
MAX_PLOT_VALUES = 1000
MAX_MEDIA_BYTES = 20 * 2**20  # of an image or of sound, as a service sends it
MAX_IMAGE_PIXELS = 4096 * 4096
# The platform's sandbox refuses a longer time (section 8).
MAX_SANDBOX_SECONDS = 60
MAX_CODE_CPU_SECONDS = 10
MAX_CODE_MEMORY_BYTES = 512 * 2**20
MAX_CODE_FILE_BYTES = 16 * 2**20
MAX_CODE_FOLDER_BYTES = 64 * 2**20
MAX_CODE_OPEN_FILES = 64
MAX_EXPRESSION_CHARACTERS = 500
MAX_NUMBER_BITS = 4_096
MAX_DIGITS = 100

# Limits of artifacts and metrics.
MAX_NAME_BYTES = 200
MAX_TOOL_LABELS = 64

# Limits of the debug console.
MAX_RECORDS = 50
MAX_RECORDS_BYTES = 8 * 2**20
# Bytes that all open requests, and those waiting to be written to files, may hold in memory together.
MAX_HELD_BYTES = 8 * 2**20
# Requests that may wait to be stored. More would only replace each other, so under such load some are not recorded.
MAX_WAITING = 64
MAX_SHOWN_REQUEST_BYTES = 256 * 1024
MAX_SHOWN_REQUEST_VALUES = 20_000
MAX_RECORDED_STEPS = 200
MAX_RECORDED_ANSWER_BYTES = 1024 * 1024
MAX_LIVE_FILES = 100
MAX_LIVE_FILE_BYTES = 256 * 1024

# Limits of the offline model.
# Steps of one reply, of about a microsecond each.
MAX_REPLY_STEPS = 60_000
MAX_READ_CHARACTERS = 20_000
MAX_READ_MESSAGES = 100
MAX_STOPS = 16
MAX_PLANNED_ROUNDS = 16
MAX_PATTERN_CHARACTERS = 1_000
MAX_SUM_CHARACTERS = 2_000
MAX_SUMS = 10
MAX_SCHEMA_DEPTH = 12
MAX_VALUE_CHARACTERS = 10_000
MAX_ITEMS = 100
MAX_VALUES = 5_000
MAX_GUESSED_ARGUMENTS = 200
MAX_PLAN_CHARACTERS = 12_000
MAX_PLANNED_CALLS = 16
MAX_WORDS = 5_000
