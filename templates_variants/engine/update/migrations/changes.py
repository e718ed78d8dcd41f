"""The kinds of changes that a migration makes in an owner's files. Names are dotted, below `competitor`.

A module's name is as the owner's code has it (`core.toolbox`). Classes and functions are named by their new home
(`core.tools.toolbox.Toolbox`), because the migration first finds out what each name in the owner's code has become.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RenamedMember:
    """A method, property or field `old` of class `owner` is now `new`."""

    owner: str
    old: str
    new: str


@dataclass(frozen=True)
class RemovedMember:
    """A method, property or field is gone; `instead` says what to write."""

    owner: str
    old: str
    instead: str


@dataclass(frozen=True)
class MovedMember:
    """A member `old` of class `owner` is now a name of the public API by itself, such as a constant."""

    owner: str
    old: str
    new: str


@dataclass(frozen=True)
class RenamedParameter:
    """The keyword `old` of `function` is now `new`. `function` is a function, a class, or `CLASS.METHOD`."""

    function: str
    old: str
    new: str


@dataclass(frozen=True)
class RemovedParameter:
    """The keyword is gone. Without `instead` it is safe to leave out; otherwise the owner is told what to write."""

    function: str
    old: str
    instead: str = ""


@dataclass(frozen=True)
class NewParameter:
    """A keyword that a call must now give, with the `value` (code) that keeps what the call did before."""

    function: str
    name: str
    value: str


@dataclass(frozen=True)
class ChangedReturn:
    """The result is now another object; `member` of it is what was returned before. Awaited calls are understood."""

    function: str
    member: str


@dataclass(frozen=True)
class RemovedName:
    """A class, function or constant is gone; `instead` says what to write. `name` is as the owner's code has it."""

    name: str
    instead: str


@dataclass(frozen=True)
class RenamedSetting:
    """An environment variable has another name."""

    old: str
    new: str


@dataclass(frozen=True)
class RemovedSetting:
    """An environment variable is no longer read; `instead` says what to do."""

    old: str
    instead: str


Change = (
    RenamedMember
    | RemovedMember
    | MovedMember
    | RenamedParameter
    | RemovedParameter
    | NewParameter
    | ChangedReturn
    | RemovedName
    | RenamedSetting
    | RemovedSetting
)
Files = dict[str, bytes]  # path -> content
# Changes files in place; returns `path: sentence` for what is left to the owner.
Rewrite = Callable[[Files], list[str]]


@dataclass(frozen=True)
class Migration:
    """What an update to `version` changes in an owner's files, and `why`, in one sentence for the owner.

    `modules` maps the old name of each moved module to its new name. `names` maps a class, function or constant that
    moved or was renamed by itself; what is in neither stays. `rewrites` maps a backend to what only it needs.
    """

    version: str
    why: str
    modules: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    rewrites: Mapping[str, Rewrite] = field(default_factory=dict)
