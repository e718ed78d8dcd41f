"""Tests that `make plain-english` finds the phrases of its list in text for people, and not in code."""

import re
from pathlib import Path, PurePosixPath

import pytest

from tools import plain_english
from tools.plain_english import Finding, findings, rules

# The phrases are written in two parts, so that the tool does not find them here.
SIZE, COMMAS = "most " + "size", "by " + "commas"
TOO_LARGE = Finding(2, "maximum", f"a {SIZE}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "# Limits\nA head has a SIZE.\n"),
        ("page.md", "# Limits\nA head has a most\nsize.\n"),  # plain-english: ignore
        ("page.md", "```\ncore/  limits: a SIZE\n```\n"),
        ("page.md", "```console\n$ make limits   # prints a SIZE\n```\n"),
        ("page.md", '```python\n"""It has a SIZE."""\n```\n'),
        ("code.py", 'def head() -> None:\n    """Has a SIZE."""\n'),
        ("code.py", 'def head() -> None:\n    """Has a most\n    size."""\n'),  # plain-english: ignore
        ("code.py", "LIMIT = 1\n# It has a most\n# size.\n"),  # plain-english: ignore
        ("code.py", 'raise ValueError(\n    "it has a SIZE"\n)\n'),
        ("code.py", 'raise ValueError(\n    "it has a most "\n    f"size of {limit}"\n)\n'),
        ("code.py", 'raise ValueError(\n    f"{limit} bytes are a SIZE of {{}}"\n)\n'),
        ("Makefile", "limits:\n\t@true  # a SIZE\n"),
        ("form.yml", "label: Limits\ndescription: a SIZE\n"),
        ("lint.mjs", 'const a = "#";\nrun(a); // a SIZE\n'),
    ],
)
def test_a_planted_phrase_is_found_with_its_line(name: str, text: str) -> None:
    assert findings(name, text.replace("SIZE", SIZE), rules()) == [TOO_LARGE]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "A maximum size, the most.\n\nSize matters; `a SIZE` is code, and [so](made/anew.md).\n"),
        ("page.md", "```json\n{'a': 'a SIZE'}\n```\n"),
        ("code.py", "a_most_size = most.size(a, most, size)\n"),
        ("code.py", "a = most  # the default\nsize = 1\n"),
        ("code.py", 'call("a most", "size")\n'),
        ("code.py", 'f"it has a most {most + " size"} of all"\n'),
        ("code.py", '# `a SIZE` is code\nKEY = "anew"\n'),  # plain-english: ignore
        ("code.py", 'SHOWN = "A head has a SIZE."  # plain-english: ignore\n'),
        ("page.md", "A head has a SIZE. <!-- plain-english: ignore -->\n"),
        ("Makefile", "a SIZE:\n\t@true\n"),
    ],
)
def test_code_and_lines_with_the_mark_are_not(name: str, text: str) -> None:
    assert findings(name, text.replace("SIZE", SIZE), rules()) == []


def test_it_says_where_and_what_to_write_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plain_english, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(f"Plain.\n\nNames are given {COMMAS}, with a {SIZE}.\n", encoding="utf-8")
    (tmp_path / "plain.md").write_text("Names are comma-separated.\n", encoding="utf-8")
    assert plain_english.main(["page.md", "plain.md"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:-1] == [
        f'page.md:3: say "comma-separated", not "{COMMAS}"',
        f'page.md:3: say "maximum", not "a {SIZE}"',
    ]
    assert plain_english.main(["plain.md"]) == 0


def test_every_file_with_prose_is_read_and_keeps_its_lines() -> None:
    read = set(plain_english.files(plain_english.ROOT))
    assert {"README.md", "Makefile", "tools/plain_english.py", "{{cookiecutter.project_slug}}/Dockerfile"} <= read
    assert not {"LICENSE", "requirements-dev.txt", "tools/plain_english.toml", "docs/console.png"} & read
    for name in read:
        text = (plain_english.ROOT / name).read_text(encoding="utf-8")
        prose = plain_english._reader(PurePosixPath(name))(text)
        assert (len(prose), prose.count("\n")) == (len(text), text.count("\n")), name


def test_no_replacement_is_itself_on_the_list() -> None:
    for rule in rules():
        assert rule.say
        assert not [other.say for other in rules() if other.pattern.search(rule.say)], rule.say
    assert len({re.sub(r"\W", "", rule.pattern.pattern) for rule in rules()}) == len(rules())
