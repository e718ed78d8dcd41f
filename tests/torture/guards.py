"""Removes each guard of the code with a patch. The tests that `GUARDS` names for it must then fail.

`python -m tests.torture.guards [PART]` (`make guards`) works in copies of the template. For each guard, it runs the
tests without the patch, and they must pass; then it runs them with the patch. At the end, it prints how many of the
patches made the tests fail.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from ..baking.baking import template_files
from ..template_path import TEMPLATE, UNBAKED

CORE = f"{UNBAKED.name}/competitor/core"
CLI = f"{UNBAKED.name}/competitor/cli"
TORTURE = "tests/torture"
SECONDS = 300


@dataclass(frozen=True)
class Guard:
    """A guard: a promise, the lines `old` that keep it, their replacement `new`, and the tests that must then fail.

    `tests` are the arguments of pytest, or the path and the arguments of a program in tools/.
    """

    line: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


GUARDS = (
    Guard(
        "A",
        "a request that cannot be parsed gets an error in the usual shape",
        f"{CORE}/server/http11.py",
        "    def send_400_response(",
        "    def nobody_calls_this(",
        ("tests/unit/server/test_http11.py", "-k", "something"),
    ),
    Guard(
        "A",
        "a head has a maximum size",
        f"{CORE}/limits.py",
        "MAX_REQUEST_HEAD_BYTES = 64 * 1024",
        "MAX_REQUEST_HEAD_BYTES = 64 * 1024 * 1024",
        ("tests/unit/server/test_http11.py", "-k", "100 and KB"),
    ),
    Guard(
        "J",
        "JSON values are counted before a body is parsed",
        f"{CORE}/request/parsing.py",
        "    if has_more_values(body, max_values):",
        "    if not max_values:",
        ("tests/unit/request/test_parsing.py", "-k", "too_many_values"),
    ),
    Guard(
        "J",
        "the offline model has a budget of steps",
        f"{CORE}/budget.py",
        "        self._left -= steps",
        "        self._left -= 0",
        ("tests/unit/offline/test_budget.py", "-k", "counted_over"),
    ),
    Guard(
        "J",
        "a place in a body is written out only when it is shown",
        f"{CORE}/request/parsing.py",
        "        self._parent, self._step = parent, step",
        "        self._parent, self._step, self._all = parent, step, [*(parent._all if parent else ()), step] * 9",
        ("tests/unit/request/test_parsing.py", "-k", "deep_inside"),
    ),
    Guard(
        "J",
        "schemas and other free-form objects are not copied",
        f"{CORE}/request/schema.py",
        "PlainValidator(_free_form, json_schema_input_type=dict[str, Any])",
        "AfterValidator(_free_form)",
        ("tests/unit/request/test_parsing.py", "-k", "not_copied"),
    ),
    Guard(
        "J",
        "a request has a maximum number of messages, parts, calls and tools",
        f"{CORE}/request/parsing.py",
        "    if len(body) > MAX_ENTRIES and _entries(given) > MAX_ENTRIES:",
        "    if not given:",
        ("tests/unit/request/test_parsing.py", "-k", "more_entries"),
    ),
    Guard(
        "J",
        "the check does not read a response without an end",
        f"{UNBAKED.name}/competitor/checks/target.py",
        "MAX_BYTES, MAX_LINES = 32 * 2**20, 200_000",
        "MAX_BYTES, MAX_LINES = 32 * 2**40, 2 * 10**12",
        ("tests/checks/test_hostile_server.py", "-k", "hostile_server"),
    ),
    Guard(
        "A",
        "an error names known fields only",
        f"{CORE}/request/parsing.py",
        "        if isinstance(step, str) and step not in _field_names():",
        "        if step is None:",
        ("tests/unit/request/test_parsing.py", "-k", "repeat_a_caller"),
    ),
    Guard(
        "A",
        "a trailer is not a header field",
        f"{CORE}/server/http11.py",
        "        if not self._in_body:\n            super().on_header(name, value)\n            return\n",
        "        super().on_header(name, value)\n        if not self._in_body:\n            return\n",
        ("tests/unit/server/test_http_edge.py", "-k", "no_header_field"),
    ),
    Guard(
        "A",
        "chunk extensions count towards the size of the head",
        f"{CORE}/server/http11.py",
        "        if self._extra > MAX_REQUEST_HEAD_BYTES:",
        "        if not MAX_REQUEST_HEAD_BYTES:",
        ("tests/unit/server/test_http_edge.py", "-k", "extension"),
    ),
    Guard(
        "A",
        "an Upgrade is ignored",
        f"{CORE}/server/http11.py",
        "    def _unsupported_upgrade_warning(",
        "    def nobody_calls_this(",
        ("tests/unit/server/test_http_edge.py", "-k", "ignored"),
    ),
    Guard(
        "A",
        "bodies that arrive share their memory",
        f"{CORE}/answer/admission.py",
        "            await self._freed.wait()",
        "            break",
        ("tests/unit/answer/test_bodies.py", "-k", "waits"),
    ),
    Guard(
        "K",
        "in development, a foreign Host is refused",
        f"{CORE}/server/development.py",
        '    if not is_own_host_or_in(headers.get("host", ""), hosts):',
        "    if not headers:",
        ("tests/unit/server/test_development.py", "-k", "other_names"),
    ),
    Guard(
        "K",
        "in development, a page of another site is refused",
        f"{CORE}/server/development.py",
        '    if foreign or headers.get("sec-fetch-site", "none").lower() == "cross-site":',
        "    if not headers:",
        ("tests/unit/server/test_development.py", "-k", "other_sites"),
    ),
    Guard(
        "L",
        "local code may use the listed system calls only",
        f"{CORE}/tools/builtin/confined.py",
        "    _restrict_files(folder)\n    _restrict_calls()",
        "    _restrict_files(folder)",
        ("tests/unit/tools/test_local_code.py", "-k", "outside"),
    ),
    Guard(
        "L",
        "some system calls are allowed with harmless arguments only",
        f"{CORE}/tools/builtin/confined.py",
        "        if name in _ONLY_WITH:",
        "        if name not in _ALLOWED:",
        ("tests/unit/tools/test_local_code.py", "-k", "outside"),
    ),
    Guard(
        "L",
        "local code reaches no file but its own",
        f"{CORE}/tools/builtin/confined.py",
        "    _restrict_files(folder)\n    _restrict_calls()",
        "    _restrict_calls()",
        ("tests/unit/tools/test_local_code.py", "-k", "outside"),
    ),
    Guard(
        "L",
        "local code that cannot be confined is not offered",
        f"{CORE}/tools/builtin/__init__.py",
        "    if settings.local_code and local_code.why_not() is None:",
        "    if settings.local_code:",
        ("tests/unit/tools/test_local_code.py", "-k", "does_not_offer"),
    ),
    Guard(
        "L",
        "what local code leaves behind is deleted outside the loop",
        f"{CORE}/tools/builtin/local_code.py",
        "        cleared = asyncio.get_running_loop().run_in_executor(_clearing, clear, folder)",
        "        cleared = asyncio.ensure_future(asyncio.sleep(0, clear(folder)))",
        ("tests/unit/tools/test_local_code.py", "-k", "outside_the_loop"),
    ),
    Guard(
        "E",
        "secrets that overlap are hidden completely",
        f"{CORE}/observe/logs.py",
        "        end = max(end, stop)",
        "        end = stop",
        ("tests/unit/observe/test_logs.py", "-k", "overlap or nothing_leaks"),
    ),
    Guard(
        "E",
        "a caller's line break does not forge a log line",
        f"{CORE}/observe/logs.py",
        "    return text if text.isprintable() else",
        "    return text if text else",
        ("tests/unit/observe/test_logs.py", "-k", "forge"),
    ),
    Guard(
        "A",
        "a head has a maximum number of fields",
        f"{CORE}/limits.py",
        "MAX_REQUEST_FIELDS = 200",
        "MAX_REQUEST_FIELDS = 200_000",
        ("tests/unit/server/test_http11.py", "-k", "thousand"),
    ),
    Guard(
        "A",
        "an error does not echo the input",
        f"{CORE}/request/parsing.py",
        'return ApiError("invalid_value", f"{path} {sentence}.{others}", path)',
        'return ApiError("invalid_value", f"{path} {sentence}.{others} {given}", path)',
        (f"{TORTURE}/test_bytes.py", "--every", "-k", "proxy and temperature"),
    ),
    Guard(
        "A",
        "deep nesting is refused and does not crash",
        f"{CORE}/request/parsing.py",
        "    except RecursionError:\n",
        "    except KeyboardInterrupt:\n",
        (f"{TORTURE}/test_bytes.py", "--every", "-k", "proxy and 100000"),
    ),
    Guard(
        "A",
        "a body has a maximum size",
        f"{CORE}/request/parsing.py",
        "    if size > limit:\n        raise _too_large(limit)",
        "    if size > 100 * limit:\n        raise _too_large(limit)",
        ("tests/unit/server/test_http11.py", "-k", "large and body"),
    ),
    Guard(
        "B",
        "a head and a body have a time limit",
        f"{CORE}/server/http11.py",
        "        if incomplete and self._timer is None and",
        "        if not incomplete and self._timer is None and",
        ("tests/unit/server/test_http11.py", "-k", "does and end"),
    ),
    Guard(
        "B",
        "a silent upstream is given up",
        f"{CORE}/outbound/response.py",
        '            self.fail(UpstreamError("silent", f"no byte for {self._silence_seconds:g} s"))',
        "            pass",
        ("tests/unit/outbound/test_client.py", "-k", "silence_has_a_limit"),
    ),
    Guard(
        "B",
        "a broken connection is reported in the answer",
        f"{CORE}/model/chunk_reader.py",
        "    if reader.finish_reason is None and not (response.stopped or reader.is_whole):\n        raise",
        "    if False:\n        raise",
        (f"{TORTURE}/test_upstream_faults.py", "--every", "-k", "proxy and stream and finish"),
    ),
    Guard(
        "B",
        "an upstream's own error text appears only in the log",
        f"{CORE}/answer/runner.py",
        "Failure.UPSTREAM, error.kind, error.sentence,",
        "Failure.UPSTREAM, error.kind, error.detail,",
        (f"{TORTURE}/test_upstream_faults.py", "--every", "-k", "proxy and stream and 401"),
    ),
    Guard(
        "B",
        "an answer has a time limit",
        f"{CORE}/answer/runner.py",
        "end, End.LATE)",
        "lambda *_: None, End.LATE)",
        (f"{TORTURE}/test_upstream_faults.py", "--every", "-k", "proxy and stream and empty"),
    ),
    Guard(
        "B",
        "an answer has a maximum size",
        f"{CORE}/answer/answer.py",
        "        write(text)\n        if self.size > self.max_bytes:\n            raise AnswerFull",
        "        write(text)",
        (f"{TORTURE}/test_backend_misdeeds.py", "--every", "-k", "50"),
    ),
    Guard(
        "B",
        "the work stops when the client leaves, also without streaming",
        f"{CORE}/answer/runner.py",
        "lambda: end(End.GONE)",
        "lambda: None",
        (f"{TORTURE}/test_clients.py", "--every", "-k", "proxy and leaves_a_whole"),
    ),
    Guard(
        "B",
        "if the client does not read, the upstream is not read either",
        f"{CORE}/stream/writer.py",
        "            self._source.pause()\n",
        "            pass\n",
        (f"{TORTURE}/test_clients.py", "--every", "-k", "proxy and never_reads"),
    ),
    Guard(
        "B",
        "too many requests get a 503",
        f"{CORE}/answer/admission.py",
        "        if self.open >= self._most:",
        "        if self.open >= self._most + 10_000:",
        (f"{TORTURE}/test_times.py", "--every", "-k", "four_times"),
    ),
    Guard(
        "B",
        "SIGTERM gives open streams a well-formed end",
        f"{CORE}/answer/runner.py",
        "            why = End.SHUTDOWN\n",
        "            raise\n",
        (f"{TORTURE}/test_times.py", "--every", "-k", "exit_code_0 and open"),
    ),
    Guard(
        "B",
        "SIGTERM ends with exit code 0",
        f"{CORE}/server/serving.py",
        "        self._captured_signals.clear()\n",
        "",
        (f"{TORTURE}/test_times.py", "--every", "-k", "exit_code_0 and idle"),
    ),
    Guard(
        "C",
        "a forged link is refused",
        f"{CORE}/artifacts/links.py",
        "not hmac.compare_digest(signature, self._signature(said))",
        "not signature",
        ("tests/unit/artifacts/test_keeping.py", "-k", "forged"),
    ),
    Guard(
        "C",
        "a link expires on the second",
        f"{CORE}/artifacts/links.py",
        "        if expires <= now:",
        "        if expires < now:",
        ("tests/unit/artifacts/test_keeping.py", "-k", "until_the_second"),
    ),
    Guard(
        "C",
        "a bad disk gives a clear error",
        f"{CORE}/artifacts/faults.py",
        "        if isinstance(error, OSError | ValueError) or",
        "        if",
        ("tests/unit/artifacts/test_disks.py", "-k", "clear_error"),
    ),
    Guard(
        "D",
        "only hosts of the allow-list are called",
        f"{CORE}/outbound/egress.py",
        "        if origin not in self._allowed:",
        "        if not origin:",
        ("tests/unit/outbound/test_egress.py",),
    ),
    Guard(
        "D",
        "a URL that parsers may read differently is refused",
        f"{CORE}/outbound/egress.py",
        "    if behind or not _HOST.fullmatch(host):",
        "    if not _HOST.fullmatch(host):",
        ("tests/unit/outbound/test_egress.py",),
    ),
    Guard(
        "D",
        "a response has a maximum size",
        f"{CORE}/outbound/response.py",
        "            if len(body) > max_bytes:",
        "            if not max_bytes:",
        (f"{TORTURE}/test_ways_past_the_list.py", "-k", "maximum_size"),
    ),
    Guard(
        "E",
        "secrets are removed from each log line",
        f"{CORE}/observe/logs.py",
        "        return conceal(record.getMessage(), self._secrets)",
        "        return record.getMessage()",
        ("tests/unit/observe/test_logs.py",),
    ),
    Guard(
        "F",
        "a tool that exits does not end the server",
        f"{CORE}/tools/toolbox.py",
        "    except BaseException as error:",
        "    except ImportError as error:",
        ("tests/backends/test_tool_faults.py", "-k", "stream_recovers and exits"),
    ),
    Guard(
        "F",
        "a tool's result is truncated",
        f"{CORE}/tools/toolbox.py",
        "    if len(text) > most:",
        "    if not most:",
        ("tests/backends/test_tool_faults.py", "-k", "stream_recovers and fifty"),
    ),
    Guard(
        "F",
        "no tool is called with bad arguments",
        f"{CORE}/tools/toolbox.py",
        "        except ValidationError as error:",
        "        except MemoryError as error:",
        ("tests/backends/test_tool_faults.py", "-k", "stream_recovers and missing"),
    ),
    Guard(
        "G",
        "the image runs as an ordinary user",
        f"{UNBAKED.name}/Dockerfile",
        "USER 10001:10001\n",
        "",
        ("tools/image.py",),
    ),
    Guard(
        "G",
        "the image has no setuid file",
        f"{UNBAKED.name}/Dockerfile",
        " && find / -xdev -type f -perm /6000 -exec chmod a-s {} +\n",
        " && true\n",
        ("tools/image.py",),
    ),
    Guard(
        "H",
        "a workflow has no permission that it does not need",
        f"{UNBAKED.name}/.github/workflows/ci.yml",
        "permissions: {}\n",
        "permissions: write-all\n",
        (f"{TORTURE}/test_supply_chain.py", "--every", "-k", "zizmor"),
    ),
    Guard(
        "H",
        "the image installs only packages with a hash in the lock",
        f"{UNBAKED.name}/Dockerfile",
        " --require-hashes",
        "",
        ("tests/baking/test_generated_repo.py", "-k", "dockerfile_is_pinned"),
    ),
    Guard(
        "I",
        "answers are checked before anything is written",
        "hooks/pre_gen_project.py",
        "if wrong:\n",
        "if not answers:\n",
        ("tests/baking/test_answers.py", "-k", "hostile_answer_in_every_field"),
    ),
    Guard(
        "I",
        "Jinja in an answer is refused before it is rendered",
        "templates_variants/extension.py",
        "        if name is None and",
        "        if name == source and",
        ("tests/baking/test_answers.py", "-k", "jinja"),
    ),
    Guard(
        "I",
        "private values are never taken",
        "templates_variants/engine/bake/questions.py",
        "    return {**wrong, **_taken(answers, template)}",
        "    return wrong",
        ("tests/baking/test_answers.py", "-k", "derived"),
    ),
    Guard(
        "M",
        "a record names files inside the repo only",
        "templates_variants/engine/bake/record.py",
        "        if not is_inside(path) or not path.isprintable():",
        "        if not path:",
        ("tests/updating/test_hostile.py", "-k", "hostile_repo and lists"),
    ),
    Guard(
        "M",
        "a journal names files inside the repo only",
        "templates_variants/engine/update/transaction.py",
        "        if not is_inside(path):\n            raise Damaged",
        "        if not path:\n            raise Damaged",
        ("tests/updating/test_hostile.py", "-k", "hostile_repo and outside"),
    ),
    Guard(
        "M",
        "a recorded template is not used unasked",
        f"{CLI}/update.py",
        "        if not template and not is_home(address):",
        "        if not address:",
        ("tests/updating/test_hostile.py", "-k", "named_again"),
    ),
)


def missing() -> list[str]:
    """The guards whose lines do not occur exactly once, because the code has changed."""
    texts = {guard.file: (TEMPLATE / guard.file).read_text(encoding="utf-8") for guard in GUARDS}
    return [guard.promise for guard in GUARDS if texts[guard.file].count(guard.old) != 1]


def passes(tests: tuple[str, ...], copy: Path) -> bool:
    """Whether the tests pass in this copy. A test that exceeds the time limit counts as failed."""
    pytest = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "slow or not slow")
    command = tests if tests[0].startswith("tools/") else (*pytest, *tests)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [sys.executable, "-B", *command],
        cwd=copy,
        env={**os.environ, "PATH": path, "TMPDIR": str(copy.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
    if code > 1 and tests[0].endswith(".py") and not tests[0].startswith("tools/"):
        raise SystemExit(f"pytest exited with {code} for {' '.join(tests)}")
    return code == 0


def verdict_on(guard: Guard, copies: "Queue[Path]") -> str:
    """`killed` if the tests fail as they should, or else what is wrong."""
    copy = copies.get()
    file = copy / guard.file
    text = file.read_text(encoding="utf-8")
    try:
        if not passes(guard.tests, copy):
            return "TESTS FAIL WITHOUT THE PATCH"
        file.write_text(text.replace(guard.old, guard.new), encoding="utf-8")
        return "SURVIVED" if passes(guard.tests, copy) else "killed"
    finally:
        file.write_text(text, encoding="utf-8")
        copies.put(copy)


def copied(goal: Path) -> Path:
    for path in template_files():
        (goal / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TEMPLATE / path, goal / path)
    subprocess.run(["git", "init", "-q", str(goal)], check=True)
    subprocess.run(["git", "-C", str(goal), "add", "-A"], check=True)
    return goal


def chosen(part: str) -> Iterator[Guard]:
    return (guard for guard in GUARDS if part in f"{guard.line} {guard.promise}")


def main(part: str = "", at_once: int = 2) -> int:
    from competitor.checks.orphans import kill_orphans  # template_path has made it importable

    kill_orphans()
    if lost := missing():
        print("These patches do not apply:", *lost, sep="\n  ")
        return 1
    began, guards = time.monotonic(), list(chosen(part))
    killed = 0
    with tempfile.TemporaryDirectory(prefix="guards-") as scratch, ThreadPoolExecutor(at_once) as pool:
        copies: Queue[Path] = Queue()
        for number in range(at_once):
            (Path(scratch) / f"{number}").mkdir()
            copies.put(copied(Path(scratch) / f"{number}" / "template"))
        for guard, verdict in zip(guards, pool.map(lambda guard: verdict_on(guard, copies), guards), strict=True):
            killed += verdict == "killed"
            print(f"{guard.line}  {guard.promise:60} {verdict}", flush=True)
    print(f"\nkilled {killed} of {len(guards)}, in {time.monotonic() - began:.0f} s")
    return 0 if killed == len(guards) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
