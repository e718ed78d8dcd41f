"""Tests each rule of the migrations: which code is edited, which lines are only listed, and which bytes stay."""

import sys
from pathlib import Path

import pytest

from templates_variants.engine.update.migrations.changes import (
    Change,
    ChangedReturn,
    Migration,
    MovedMember,
    NewParameter,
    RemovedMember,
    RemovedParameter,
    RemovedSetting,
    RenamedMember,
    RenamedParameter,
    RenamedSetting,
)
from templates_variants.engine.update.migrations.code import FileMigration
from templates_variants.engine.update.migrations.migrate import Migrated, migrate, pending

CORE = """
from typing import Self

class Chat:
    def ask(self, *, limit: int = 0) -> "Answer": ...
    @property
    def box(self) -> "Box": ...

class Answer:
    words: list["Word"]

class Word:
    text: str
    def __init__(self, *, text: str = "", size: int = 0): ...

class Box:
    MOST = 3
    async def __aenter__(self) -> Self: ...
    async def open(self, key: str = "") -> str: ...
"""
API = "from .core.home import Answer, Box, Chat, Word\nMOST = 3\n__all__ = ['Answer', 'Box', 'Chat', 'MOST', 'Word']\n"
PATH = "competitor/backend/agent.py"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    core = tmp_path / "new/competitor/core"
    core.mkdir(parents=True)
    (core / "home.py").write_text(CORE, encoding="utf-8")
    (core / "__init__.py").touch()
    (core.parent / "api.py").write_text(API, encoding="utf-8")
    return tmp_path / "new"


def migrated(new: Path, code: str | bytes, *changes: Change, modules: dict[str, str] | None = None) -> Migrated:
    data = code if isinstance(code, bytes) else code.encode()
    migration = Migration("9.0.0", "it is so", changes=changes, modules=modules or {})
    return migrate({PATH: data}, {}, [migration], backend="", new=new, old=new)


def result(new: Path, code: str, *changes: Change, modules: dict[str, str] | None = None) -> str:
    done = migrated(new, code, *changes, modules=modules)
    assert done.left == ()
    data = done.files.get(PATH, code.encode())
    assert data is not None
    return data.decode()


RENAMED = RenamedMember("core.home.Word", "text", "content")


@pytest.mark.parametrize(
    "code",
    [
        "def f(chat: Chat) -> None:\n    print(chat.ask().words[0].text)\n",
        "async def f(chat: 'Chat | None') -> None:\n    answer = await chat.ask()\n    for w in answer.words: w.text\n",
        "def f(chat: Chat):\n    return [word.text for word in chat.ask().words if word.text]\n",
        "class Mine(Word):\n    def f(self):\n        return self.text, super().text\n",
        "def f(a: Answer):\n    if (first := a.words[0]):\n        return lambda: first.text\n",
        "from typing import Optional\ndef f(w: Optional[Word], text: str):\n    return w.text + text\n",
        "WORD = Word()\nprint(WORD . text, 'text')  # .text\n",
    ],
)
def test_a_renamed_member_is_renamed_where_the_code_says_the_class(new: Path, code: str) -> None:
    code = f"from ..api import Answer, Chat, Word\n{code}"
    edited = result(new, code, RENAMED)
    assert edited.count("content") == code.count(".text") + code.count(" . text") - code.count("# .text") > 0
    assert edited.replace("content", "text") == code


@pytest.mark.parametrize(
    "code",
    [
        "class Word:\n    text = 1\nprint(Word().text)\n",
        "def f(word: str, text: int) -> None:\n    text.text = word.text\n",
        "def f(Word):\n    x = Word()\n    return 'x'.text\n",
    ],
)
def test_another_class_with_such_a_member_stays_as_it_is(new: Path, code: str) -> None:
    assert migrated(new, code, RENAMED).files == {}


def test_a_member_of_an_object_of_unknown_class_is_listed(new: Path) -> None:
    code = "from ..api import Word\ndef f(word):\n    return word.text, getattr(word, 'text')\n"
    done = migrated(new, code, RENAMED)
    assert done.files == {}
    assert [line.partition(" -> ")[2] for line in done.left] == ["if this is a Word, .text is now .content"]
    assert done.left[0].startswith(f"{PATH}:3: return word.text")


def test_an_overriding_method_in_the_owner_s_class_is_renamed(new: Path) -> None:
    code = "from ..api import Chat\nclass Mine(Chat):\n    async def  ask(self): ...  # mine\n"
    assert result(new, code, RenamedMember("core.home.Chat", "ask", "answer")) == code.replace("ask", "answer")


def test_keywords_of_methods_classes_and_partials_are_renamed(new: Path) -> None:
    code = (
        "from functools import partial\nfrom ..api import Chat, Word\n"
        "def f(chat: Chat, limit: int):\n    chat.ask(\n        limit = limit,  # the limit\n    )\n"
        "class Mine(Word): ...\nW = partial(Word, size=1), Mine(size=2), dict(size=3)\n"
    )
    changes = RenamedParameter("core.home.Chat.ask", "limit", "most"), RenamedParameter("core.home.Word", "size", "big")
    wanted = code.replace("limit = limit", "most = limit").replace("Word, size", "Word, big")
    assert result(new, code, *changes) == wanted.replace("Mine(size", "Mine(big")


def test_a_call_with_unknown_keywords_is_listed(new: Path) -> None:
    code = "from ..api import Word\nmore = {}\nWord(**more)\n"
    done = migrated(new, code, RenamedParameter("core.home.Word", "size", "big"))
    assert done.left == (f"{PATH}:3: Word(**more) -> these keywords may contain the parameter size, which is now big",)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("Word(size=1)", "Word()"),
        ("Word(size=1, text='a')", "Word(text='a')"),
        ("Word(text='a', size=1)", "Word(text='a')"),
        ("Word(\n    text='a',\n    size=1,\n)", "Word(\n    text='a',\n)"),
    ],
)
def test_a_removed_keyword_that_is_safe_to_leave_out_is_removed(new: Path, call: str, wanted: str) -> None:
    code = f"from ..api import Word\n{call}\n"
    assert result(new, code, RemovedParameter("core.home.Word", "size")) == code.replace(call, wanted)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("Word()", "Word(kind=None)"),
        ("Word(size=1)", "Word(size=1, kind=None)"),
        ("Word(size=1,)", "Word(size=1,kind=None)"),
        ("Word(\n    size=1,  # one\n)", "Word(\n    size=1, kind=None,  # one\n)"),
        ("Word(kind=2)", "Word(kind=2)"),
    ],
)
def test_a_new_keyword_is_added(new: Path, call: str, wanted: str) -> None:
    code = f"from ..api import Word\n{call}\n"
    assert result(new, code, NewParameter("core.home.Word", "kind", "None")) == code.replace(call, wanted)


def test_after_a_change_of_the_result_its_member_is_used(new: Path) -> None:
    code = (
        "from ..api import Box, Chat\nasync def f(chat: Chat):\n    async with chat.box as box:\n"
        "        return await box.open(), [await (box.open(await box.open()))], chat.box\n"
    )
    changes = (ChangedReturn("core.home.Box.open", "value"), ChangedReturn("core.home.Chat.box", "inner"))
    edited = result(new, code, changes[0])
    assert "return (await box.open()).value, [" in edited
    assert edited.count(".value") == 3
    compile(edited, PATH, "exec")
    assert result(new, code, changes[1]).count("chat.box.inner") == 2


def test_a_changed_method_that_is_passed_as_an_argument_is_listed(new: Path) -> None:
    code = "from ..api import Box\ndef f(box: Box):\n    return map(box.open, 'ab')\n"
    assert len(migrated(new, code, ChangedReturn("core.home.Box.open", "value")).left) == 1


def test_a_member_that_became_a_name_of_the_api_is_imported(new: Path) -> None:
    code = "from ..api import Box\nprint(Box.MOST)\n"
    moved = MovedMember("core.home.Box", "MOST", "MOST")
    assert result(new, code, moved) == "from ..api import Box\nprint(MOST)\n".replace("import Box", "import MOST, Box")
    taken = "from ..api import Box\nMOST = 1\nprint(Box.MOST)\n"
    assert len(migrated(new, taken, moved).left) == 1


def test_a_member_that_moved_is_replaced_once_although_its_class_was_renamed_too(new: Path) -> None:
    """Two rules apply to `home.Crate.MOST`: one renames the class, and the other moves the member."""
    code = b"from ..core import home\nprint(home.Crate.MOST, home.Crate)\n"
    changes = (MovedMember("core.home.Box", "MOST", "MOST"),)
    migration = Migration("9.0.0", "it is so", names={"core.home.Crate": "core.home.Box"}, changes=changes)
    done = migrate({PATH: code}, {}, [migration], backend="", new=new, old=new)
    assert (done.left, done.files[PATH]) == (
        (),
        b"from ..api import MOST\nfrom .. import api as home\nprint(MOST, home.Box)\n",
    )


def test_if_edits_overlap_each_of_their_lines_is_listed(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overlap(work: FileMigration) -> None:
        work.source.replace(0, 8, "x")
        work.source.replace(10, 16, "y")
        work.source.replace(12, 14, "z")

    monkeypatch.setattr(FileMigration, "run", overlap)
    done = migrated(new, "first = 1\nsecond = 2\nthird = 3\n")
    assert done.files == {}
    assert [line.split(" -> ")[0] for line in done.left] == [f"{PATH}:1: first = 1", f"{PATH}:2: second = 2"]


def test_a_removed_member_is_listed_with_its_replacement(new: Path) -> None:
    code = "from ..api import Box\ndef f(box: Box):\n    box.open()\n"
    left = migrated(new, code, RemovedMember("core.home.Box", "open", "use enter")).left
    assert left == (f"{PATH}:3: box.open() -> .open was removed: use enter",)


def test_each_line_of_dynamic_code_is_listed(new: Path) -> None:
    code = (
        "import importlib\nfrom unittest.mock import patch\nfrom ..api import Chat\n\n"
        'home = importlib.import_module("competitor.core.old")\n'
        "importlib.import_module(input())\n"
        "def f(chat: Chat, name: str, any):\n"
        "    getattr(chat, name)\n"
        "    getattr(any, 'ask')\n"
        '    patch("competitor.core.old.thing")\n'
        "    eval(name)\n"
        "    getattr(any, 'unrelated'), getattr(f, '__name__')\n"
    )
    change = RenamedMember("core.home.Chat", "ask", "answer")
    done = migrated(new, code, change, modules={"core.old": "core.home"})
    assert done.files == {}
    assert [line.split(":")[1] for line in done.left] == ["5", "6", "8", "9", "10", "11"]


def test_a_setting_is_renamed_if_it_is_the_whole_string_and_listed_if_it_is_a_part(new: Path) -> None:
    code = 'import os\nos.environ["JANUS_OLD"]\nx = r"JANUS_OLD"\nprint("set JANUS_OLD=1", "JANUS_OLDER")\n'
    done = migrated(new, code, RenamedSetting("JANUS_OLD", "JANUS_NEW"))
    edited = done.files[PATH]
    assert edited is not None
    assert edited.decode() == code.replace('"JANUS_OLD"]', '"JANUS_NEW"]').replace('r"JANUS_OLD"', 'r"JANUS_NEW"')
    assert [line.split(":")[1] for line in done.left] == ["4"]


def test_settings_in_files_are_renamed_as_whole_words(new: Path) -> None:
    files = {
        ".env": b"JANUS_OLD=1\r\nJANUS_OLDER=2\r\n# JANUS_OLD is good\r\n",
        "Dockerfile": b"ENV JANUS_OLD=1 X_JANUS_OLD=2\n",
        "compose.yaml": b"a:\n  JANUS_OLD: ${JANUS_OLD:-1}\n",
        "both.env": b"JANUS_OLD=1\nJANUS_NEW=2\n",
    }
    changes = (RenamedSetting("JANUS_OLD", "JANUS_NEW"), RemovedSetting("X_JANUS_OLD", "leave it out"))
    done = migrate({}, files, [Migration("9.0.0", "so", changes=changes)], backend="", new=new, old=new)
    assert done.files == {
        ".env": b"JANUS_NEW=1\r\nJANUS_OLDER=2\r\n# JANUS_NEW is good\r\n",
        "Dockerfile": b"ENV JANUS_NEW=1 X_JANUS_OLD=2\n",
        "compose.yaml": b"a:\n  JANUS_NEW: ${JANUS_NEW:-1}\n",
    }
    assert done.left == (
        "Dockerfile:1: X_JANUS_OLD was removed: leave it out",
        "both.env:1: JANUS_OLD is now JANUS_NEW, which this file already sets: keep one of them",
    )


MOVED = {"modules": {"core.old": "core.home"}}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("from ..core.old import Chat, Word\n", "from ..api import Chat, Word\n"),
        ("from ..core.old import Chat as C\n", "from ..api import Chat as C\n"),
        ("from competitor.core.old import Chat\n", "from competitor.api import Chat\n"),
        ("from ..core.old import (\n    Chat,  # one\n    Word,\n)\n", "# one\nfrom ..api import Chat, Word\n"),
        ("if 1: from ..core.old import Chat\n", "if 1: from ..api import Chat\n"),
        ("try:\n    from ..core.old import Chat\nexcept ImportError:\n    pass\n", None),
        ("def f():\n\tfrom ..core.old import Chat\n\treturn Chat\n", None),
        ("from ..core.old import Chat; from ..core.old import Word\n", None),
        ("from ..core import old\nold.Chat, old.Word\n", "from .. import api as old\nold.Chat, old.Word\n"),
        ("import competitor.core.old as o\no.Chat\n", "import competitor.api as o\no.Chat\n"),
        ("import competitor.core.old\ncompetitor.core.old.Chat\n", "import competitor.api\ncompetitor.api.Chat\n"),
        ("from ..core.old import *\nChat\n", "from ..api import Chat\nChat\n"),
        ("# -*- coding: latin-1 -*-\n'\u00e4'\nfrom ..core.old import Chat\n", None),
        ("\ufefffrom ..core.old import Chat\n", None),
        ("from ..core.old import Chat\r\n'\u00e4\u20ac'\r\n", None),
    ],
)
def test_imports_of_a_moved_module(new: Path, code: str, wanted: str | None) -> None:
    wanted = wanted or code.replace("..core.old", "..api")
    encoding = "latin-1" if "latin-1" in code else "utf-8"
    done = migrated(new, code.encode(encoding), **MOVED)
    assert done.left == ()
    edited = done.files[PATH]
    assert edited is not None
    assert edited.decode(encoding) == wanted


def test_imports_of_names_that_no_longer_exist_are_listed(new: Path) -> None:
    code = "from ..core.old import Gone\nfrom ..core import old\nold.Lost\n"
    left = migrated(new, code, **MOVED).left
    assert [line.split(":")[1] for line in left] == ["1", "3"]


def test_a_file_that_is_not_valid_python_is_listed_and_not_changed(new: Path) -> None:
    for code in (b"from competitor import (\n", b"\xff competitor", b"print 'competitor'\r", b"a = 1\rcompetitor\r"):
        done = migrated(new, code, **MOVED)
        assert done.files == {}
        assert len(done.left) == 1, code


def test_a_part_of_an_f_string_is_edited_only_if_its_position_is_known(new: Path) -> None:
    written = "f'''{w.text}\n{w.text!r} {{}}''', f'{w.text}'"
    code = f"from ..api import Word\ndef f(w: Word):\n    return {written}\n"
    done = migrated(new, code, RENAMED)
    data = done.files.get(PATH, code.encode())
    assert data is not None
    compile(data, PATH, "exec")
    assert data.count(b"content") + len(done.left) >= (3 if sys.version_info >= (3, 12) else 2)


def test_an_update_across_two_versions_applies_both_migrations_in_their_order(new: Path) -> None:
    first = Migration(
        "8.0.0", "one", modules={"core.oldest": "core.old"}, changes=(RenamedSetting("JANUS_A", "JANUS_B"),)
    )
    second = Migration(
        "9.0.0", "two", modules={"core.old": "core.home"}, changes=(RenamedSetting("JANUS_B", "JANUS_C"),)
    )
    both = [second, first]
    assert pending("7.5.0", "9.0.0", both) == [first, second]
    assert pending("8.0.0", "9.0.0", both) == [second]
    assert pending("7.5.0", "8.4.0", both) == [first]
    code = b"from ..core.oldest import Chat\nNAMES = ['JANUS_A', 'JANUS_B']\n"
    done = migrate({PATH: code}, {}, pending("7.5.0", "9.0.0", both), backend="", new=new, old=new)
    assert done.files[PATH] == b"from ..api import Chat\nNAMES = ['JANUS_C', 'JANUS_C']\n"
    assert [why.split(":")[0] for why in done.why] == ["8.0.0", "9.0.0"]
