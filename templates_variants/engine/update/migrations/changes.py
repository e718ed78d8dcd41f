"""Defines the kinds of API changes that a migration can apply to the owner's files.

All names are dotted, without `competitor.` before them. `owner` and `function` are new names, such as
`core.tools.toolbox.Toolbox`, because the migration first maps each name in the owner's code to its new name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RenamedMember:
    """The method, property or field `old` of the class `owner` was renamed to `new`."""

    owner: str
    old: str
    new: str


@dataclass(frozen=True)
class RemovedMember:
    """A method, property or field was removed. `instead` tells the owner what to write."""

    owner: str
    old: str
    instead: str


@dataclass(frozen=True)
class MovedMember:
    """The member `old` of the class `owner` was replaced by `new`, a constant or other name of the public API."""

    owner: str
    old: str
    new: str


@dataclass(frozen=True)
class RenamedParameter:
    """The parameter `old` of `function` was renamed to `new`. `function` is a function, a class or `CLASS.METHOD`."""

    function: str
    old: str
    new: str


@dataclass(frozen=True)
class RemovedParameter:
    """A parameter was removed. `instead` tells the owner what to write; if it is empty, the argument is deleted."""

    function: str
    old: str
    instead: str = ""


@dataclass(frozen=True)
class NewParameter:
    """A call must now have the keyword argument `name`. If its value is the code `value`, the call works as before."""

    function: str
    name: str
    value: str


@dataclass(frozen=True)
class ChangedReturn:
    """`function` now returns another object, whose attribute `member` is the old result. `function` may be async."""

    function: str
    member: str


@dataclass(frozen=True)
class RemovedName:
    """A class, function or constant was removed. `name` is its old name; `instead` tells the owner what to write."""

    name: str
    instead: str


@dataclass(frozen=True)
class RenamedSetting:
    """The environment variable `old` was renamed to `new`."""

    old: str
    new: str


@dataclass(frozen=True)
class RemovedSetting:
    """The environment variable `old` is no longer read. `instead` tells the owner what to do."""

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
# Changes the files in place. Returns a line `path: sentence` for each change that the owner must make by hand.
Rewrite = Callable[[Files], list[str]]


@dataclass(frozen=True)
class Migration:
    """Describes what an update to `version` changes in the owner's files. `why` is the reason, as one sentence.

    `modules` maps the old name of each moved module to its new name. `names` does the same for each class, function or
    constant that was renamed or moved out of its module. Other names stay. `rewrites` maps the name of a backend to a
    function that makes changes for this backend only.
    """

    version: str
    why: str
    modules: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    rewrites: Mapping[str, Rewrite] = field(default_factory=dict)
