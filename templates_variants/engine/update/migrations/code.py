"""Applies a migration to one of the owner's Python files. Makes edits that are certain, and lists the other lines."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from templates_variants.engine.update.migrations import imports
from templates_variants.engine.update.migrations.changes import (
    ChangedReturn,
    Migration,
    MovedMember,
    NewParameter,
    RemovedMember,
    RemovedName,
    RemovedParameter,
    RemovedSetting,
    RenamedMember,
    RenamedParameter,
    RenamedSetting,
)
from templates_variants.engine.update.migrations.edits import Source
from templates_variants.engine.update.migrations.names import PACKAGE, Instance, Names
from templates_variants.engine.update.migrations.scopes import Bindings, Scope

_BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}
_DYNAMIC = {"eval", "exec", "__import__", "import_module", "attrgetter", "methodcaller"}
# These functions call their first argument with the other arguments.
_CALLERS = {"functools.partial", "asyncio.to_thread"}
UNFOLLOWED = "was not checked: make sure that the names in its arguments still exist"
MAX_SHOWN = 100  # characters of a line of code


MemberChange = RenamedMember | RemovedMember | MovedMember
CallChange = RenamedParameter | RemovedParameter | NewParameter | ChangedReturn


@dataclass(frozen=True)
class Left:
    """A line that the owner must change by hand. `remedy` says what to write there."""

    path: str
    line: int
    code: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code[:MAX_SHOWN]} -> {self.remedy}"


class FileMigration:
    """Applies one migration to one file. `run` plans the edits in `source`; `left` gets the lines to change by hand."""

    def __init__(self, migration: Migration, source: Source, bindings: Bindings, names: Names, words: set[str]) -> None:
        self.migration, self.source, self.bindings, self.names = migration, source, bindings, names
        self.words = words  # the identifiers in this file and in those that import from it
        self.left: list[Left] = []
        self.to_import: set[tuple[str, str]] = set()  # (module, name) of each name that an edit uses
        self.replaced: set[ast.Attribute] = set()  # the expressions that an edit replaces as a whole
        self._parents = {child: node for node in ast.walk(source.tree) for child in ast.iter_child_nodes(node)}
        strings = [node for node in ast.walk(source.tree) if isinstance(node, ast.JoinedStr)]
        inside = strings if sys.version_info < (3, 12) else []
        self._unplaced = {id(node) for string in inside for node in ast.walk(string)}
        self._docstrings = {id(text) for text in _docstrings(source.tree)}
        self._of_members: dict[str, list[MemberChange]] = {}
        self._of_calls: dict[str, list[CallChange]] = {}
        for change in migration.changes:
            if isinstance(change, MemberChange):
                self._of_members.setdefault(change.old, []).append(change)
            elif isinstance(change, CallChange):
                self._of_calls.setdefault(full(change.function), []).append(change)
        self._methods = {name.rpartition(".")[2] for name in self._of_calls}
        removed = [change for change in migration.changes if isinstance(change, RemovedName)]
        self.removed = {full(change.name): change.instead for change in removed}
        self._settings = {
            change.old: change for change in migration.changes if isinstance(change, RenamedSetting | RemovedSetting)
        }
        self.uses_competitor = any(self._imports_competitor(node) for node in ast.walk(source.tree))

    def run(self) -> None:
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute):
                self._attribute(node)
            elif isinstance(node, ast.ClassDef):
                self._class(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._string(node, node.value)
            elif isinstance(node, ast.MatchClass):
                self._pattern(node)
        imports.rewrite(self)
        known = {left.line for left in self.left if UNFOLLOWED not in left.remedy}
        self.left = [left for left in self.left if UNFOLLOWED not in left.remedy or left.line not in known]
        self.left.sort(key=lambda left: left.line)

    def is_placed(self, node: ast.AST) -> bool:
        """Whether the position of this node is known. Python 3.11 may give wrong positions inside f-strings."""
        if id(node) not in self._unplaced or not isinstance(node, ast.expr):
            return id(node) not in self._unplaced
        return self.source.text(self.source.start(node), self.source.end(node)) == ast.unparse(node)

    def leave_moved(self, node: ast.AST) -> None:
        """Adds the line of this node to `left`, if the name in it was renamed. The node itself is not edited."""
        home, old = self.resolve(node), ast.unparse(node)
        if home and home.rpartition(".")[2] != old.rpartition(".")[2]:
            self.leave(node, f"{old} is now {home}")

    def leave(self, node: ast.AST, remedy: str) -> None:
        """Adds the line of this node to `left`."""
        line = getattr(node, "lineno", 1)
        found = Left(self.source.path, line, self.source.line(line), remedy)
        if found not in self.left:
            self.left.append(found)

    def resolve(self, node: ast.AST) -> str | None:
        return self.names.resolve(node, self._scope(node), self.bindings)

    def infer(self, node: ast.AST) -> Instance | None:
        if _is_super(node):
            inside = self._enclosing_class(node)
            bases = self.names.bases(f"{self.bindings.name}.{inside.name}")[1:] if inside else []
            return Instance(bases[0]) if bases else None
        return self.names.infer(node, self._scope(node), self.bindings)

    def is_free(self, module: str, name: str) -> bool:
        """Whether an edit may import this name: the file does not use it, or already uses it for the same object."""
        named = (node for node in ast.walk(self.source.tree) if isinstance(node, ast.Name) and node.id == name)
        return all(self.resolve(node) == self.names.home(f"{module}.{name}", old=False) for node in named)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._parents.get(node)

    def _scope(self, node: ast.AST) -> Scope:
        return self.bindings.of.get(node, self.bindings.module)

    def _imports_competitor(self, node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom):
            return self.bindings.absolute(node).split(".")[0] == PACKAGE
        return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == PACKAGE for alias in node.names)

    def _enclosing_class(self, node: ast.AST) -> ast.ClassDef | None:
        at: ast.AST | None = node
        while at is not None and not isinstance(at, ast.ClassDef):
            at = self.parent(at)
        return at

    # Calls: parameters and results

    def _call(self, node: ast.Call) -> None:
        self._dynamic(node)
        function: ast.expr = node.func
        named = self.resolve(function)
        if named in _CALLERS and node.args:
            function = node.args[0]
            named = self.resolve(function)
        called = self._called(function, named)
        for name in called:
            for change in self._of_calls.get(name, ()):
                self._change_call(node, change, direct=function is node.func)
        method = function.attr if isinstance(function, ast.Attribute) else ""
        if not called and method in self._methods and self.uses_competitor and self._is_unknown(function):
            for name, changes in self._of_calls.items():
                if name.rpartition(".")[2] == method:
                    self._may_concern(node, changes)

    def _called(self, function: ast.expr, named: str | None) -> list[str]:
        """Returns the dotted names of a called function or class, and of those that it overrides or inherits from."""
        if isinstance(function, ast.Attribute) and (owner := self.infer(function.value)) and not owner.many:
            return [f"{base}.{function.attr}" for base in self.names.bases(owner.name)]
        return self.names.bases(named) if named else []

    def _is_unknown(self, function: ast.expr) -> bool:
        return isinstance(function, ast.Attribute) and not self.resolve(function) and not self.infer(function.value)

    def _change_call(self, node: ast.Call, change: CallChange, *, direct: bool) -> None:
        keywords = {keyword.arg: keyword for keyword in node.keywords}
        if not self.is_placed(node):
            self._may_concern(node, [change])
        elif isinstance(change, ChangedReturn):
            self._change_return(node, change, direct=direct)
        elif isinstance(change, NewParameter):
            if change.name not in keywords:
                self._add_keyword(node, change, keywords)
        elif (given := keywords.get(change.old)) is not None:
            if isinstance(change, RenamedParameter):
                if not self.source.rename(self.source.start(given), change.old, change.new):
                    self.leave(given.value, f"{change.old} is now {change.new}")
            elif change.instead:
                self.leave(given.value, f"{change.old} was removed: {change.instead}")
            else:
                self._remove_keyword(node, given)
        elif None in keywords:
            said = f"is now {change.new}" if isinstance(change, RenamedParameter) else f"was removed: {change.instead}"
            self.leave(node, f"these keywords may contain the parameter {change.old}, which {said}")

    def _add_keyword(self, node: ast.Call, change: NewParameter, keywords: Mapping[str | None, ast.keyword]) -> None:
        if None in keywords or any(isinstance(given, ast.Starred) for given in node.args):
            self.leave(node, f"add {change.name}={change.value}, if it is not among these arguments")
            return
        end = self.source.end(node) - 1  # before the closing bracket
        inner = self.source.text(self.source.end(node.func), end)
        comma = "" if inner.strip() == "(" or inner.rstrip().endswith(",") else ", "
        spread = len(inner) - len(inner.rstrip())
        if self.source.text(end, end + 1) == ")" and "#" not in inner.rpartition("\n")[2] and not spread:
            self.source.replace(end, end, f"{comma}{change.name}={change.value}")
        elif node.keywords or node.args:
            last = max([*map(self.source.end, node.args), *map(self.source.end, node.keywords)])
            self.source.replace(last, last, f", {change.name}={change.value}")
        else:
            self.leave(node, f"add {change.name}={change.value}")

    def _remove_keyword(self, node: ast.Call, given: ast.keyword) -> None:
        arguments: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        everything = sorted(arguments, key=self.source.start)
        at = everything.index(given)
        if at:
            self.source.replace(self.source.end(everything[at - 1]), self.source.end(given), "")
        elif len(everything) > 1:
            self.source.replace(self.source.start(given), self.source.start(everything[1]), "")
        else:
            self.source.replace(self.source.start(given), self.source.end(given), "")

    def _change_return(self, node: ast.Call, change: ChangedReturn, *, direct: bool) -> None:
        if not direct:
            self.leave(node, f"use .{change.member} of the result, because this function now returns another object")
            return
        outer = self.parent(node)
        if isinstance(outer, ast.Attribute) and outer.attr == change.member:
            return
        if isinstance(outer, ast.Await):
            self.source.replace(self.source.start(outer), self.source.start(outer), "(")
            self.source.replace(self.source.end(outer), self.source.end(outer), f").{change.member}")
        else:
            self.source.replace(self.source.end(node), self.source.end(node), f".{change.member}")

    def _may_concern(self, node: ast.Call, changes: list[CallChange]) -> None:
        """Lists a call in `left`: it may call a changed method, but the class of its object is unknown."""
        given = {keyword.arg for keyword in node.keywords}
        for change in changes:
            if isinstance(change, ChangedReturn):
                self.leave(node, f"if this is {short(change.function)}, use .{change.member} of its result")
            elif isinstance(change, NewParameter):
                if change.name not in given:
                    self.leave(node, f"if this is {short(change.function)}, add {change.name}={change.value}")
            elif change.old in given or None in given:
                now = (
                    f"is now {change.new}" if isinstance(change, RenamedParameter) else f"was removed: {change.instead}"
                )
                self.leave(node, f"if this is {short(change.function)}, its parameter {change.old} {now}")

    # Members of classes

    def _attribute(self, node: ast.Attribute) -> None:
        self._result_of_property(node)
        changes = self._of_members.get(node.attr)
        if not changes:
            return
        owner = self.infer(node.value)
        named = None if owner else self.resolve(node.value)
        known = owner.name if owner else named
        if known is None:
            if self.uses_competitor:
                for change in changes:
                    self.leave(node, f"if this is a {short(change.owner)}, {_now(change)}")
            return
        bases = self.names.bases(known)
        for change in changes:
            if full(change.owner) in bases and not (owner and owner.many):
                self._change_member(node, change)

    def _change_member(self, node: ast.Attribute, change: MemberChange) -> None:
        start = self.source.end(node) - len(node.attr.encode())
        if not self.is_placed(node):
            self.leave(node, _now(change))
        elif isinstance(change, MovedMember) and self.is_free(imports.API, change.new):
            self.source.replace(self.source.start(node), self.source.end(node), change.new)
            self.to_import.add((imports.API, change.new))
            self.replaced.add(node)
        elif not isinstance(change, RenamedMember) or not self.source.rename(start, change.old, change.new):
            self.leave(node, _now(change))

    def _result_of_property(self, node: ast.Attribute) -> None:
        """Handles a changed property or method that is read here, but not called.

        Edits the use of a property. For a method, adds the line to `left`, because the call is somewhere else.
        """
        outer = self.parent(node)
        if node.attr not in self._methods or (isinstance(outer, ast.Call) and outer.func is node):
            return
        owner = self.infer(node.value)
        for base in self.names.bases(owner.name) if owner and not owner.many else ():
            for change in self._of_calls.get(f"{base}.{node.attr}", ()):
                found = self.names.definition(f"{base}.{node.attr}")
                decorators = getattr(found[0], "decorator_list", []) if found else []
                if not isinstance(change, ChangedReturn):
                    self.leave(node, f"check the code that calls this: {_call_now(change)}")
                elif self.is_placed(node) and any("property" in ast.unparse(one) for one in decorators):
                    if not (isinstance(outer, ast.Attribute) and outer.attr == change.member):
                        self.source.replace(self.source.end(node), self.source.end(node), f".{change.member}")
                else:
                    self.leave(node, f"in the code that calls this, use .{change.member} of its result")

    def _class(self, node: ast.ClassDef) -> None:
        """Renames the methods of an owner's class that override a renamed method of its base class."""
        bases = self.names.bases(f"{self.bindings.name}.{node.name}")[1:]
        if not bases:
            return
        for statement in node.body:
            name = getattr(statement, "name", None)
            for change in self._of_members.get(name or "", ()):
                if full(change.owner) not in bases:
                    continue
                if not isinstance(change, RenamedMember) or not self._rename_definition(statement, change):
                    self.leave(statement, _now(change))

    def _rename_definition(self, statement: ast.stmt, change: RenamedMember) -> bool:
        start = self.source.start(statement)
        text = self.source.text(start, self.source.end(statement))
        found = re.match(rf"(?:async\s+)?def\s+(?={re.escape(change.old)}\b)", text)
        return found is not None and self.source.rename(start + len(found[0].encode()), change.old, change.new)

    def _pattern(self, node: ast.MatchClass) -> None:
        named = self.resolve(node.cls)
        for name in node.kwd_attrs:
            for change in self._of_members.get(name, ()):
                if named and full(change.owner) in self.names.bases(named):
                    self.leave(node, _now(change))

    # Dynamic code: getattr, eval, imports by name, and names in strings

    def _dynamic(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _BY_NAME and len(node.args) > 1:
            self._by_name(node, name)
        elif name in _DYNAMIC:
            given = node.args[0] if node.args else None
            text = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None
            if text is None or text.startswith(".") or PACKAGE in text or self._is_changed_name(text):
                self.leave(node, f"{name} {UNFOLLOWED}")

    def _by_name(self, node: ast.Call, name: str) -> None:
        key = node.args[1]
        text = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        for change in self._of_members.get(text or "", ()):
            self.leave(node, f"if this is a {short(change.owner)}, {_now(change)}")
        known = self.infer(node.args[0]) or self.resolve(node.args[0])
        of_ours = known is None or (known if isinstance(known, str) else known.name).split(".")[0] == PACKAGE
        if (text is None and of_ours and self.uses_competitor) or (text and self._is_changed_name(text)):
            self.leave(node, f"{name} {UNFOLLOWED}")

    def _is_changed_name(self, name: str) -> bool:
        return name in self._methods or any(
            old.rpartition(".")[2] == name for old in (*self.migration.names, *self.removed)
        )

    def _string(self, node: ast.Constant, text: str) -> None:
        """Renames a setting in a string. If the string contains the name of a moved module, adds the line to `left`."""
        if id(node) in self._docstrings:
            return
        for name, change in self._settings.items():
            if text == name and isinstance(change, RenamedSetting) and self._rename_inside(node, name, change.new):
                continue
            if re.search(rf"(?<![A-Z0-9_]){re.escape(name)}(?![A-Z0-9_])", text):
                now = f"is now {change.new}" if isinstance(change, RenamedSetting) else f"was removed: {change.instead}"
                self.leave(node, f"{name} {now}")
        for dotted in re.findall(rf"(?<![\w.]){PACKAGE}(?:\.\w+)+", text):
            new = self.names.moved(dotted)
            if new != dotted or (dotted.count(".") > 1 and not self.names.has(dotted)):
                self.leave(node, new if new != dotted else f"{dotted} no longer exists; check where it is now")

    def _rename_inside(self, node: ast.Constant, old: str, new: str) -> bool:
        start, end = self.source.start(node), self.source.end(node)
        written = self.source.text(start, end)
        if not self.is_placed(node) or not re.fullmatch(rf"[rRuU]?(['\"]+){re.escape(old)}\1", written):
            return False
        self.source.replace(start, end, written.replace(old, new))
        return True


def full(name: str) -> str:
    """Returns `PACKAGE.name`, where PACKAGE is the import name of the owner's package."""
    return f"{PACKAGE}.{name}"


def short(name: str) -> str:
    """Returns a dotted name without its modules: `Chat.complete` for `core.chat.Chat.complete`."""
    parts = name.split(".")
    first = next((at for at, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
    return ".".join(parts[first:])


def _now(change: MemberChange) -> str:
    if isinstance(change, RenamedMember):
        return f".{change.old} is now .{change.new}"
    if isinstance(change, MovedMember):
        return f".{change.old} is now {change.new} of competitor.api"
    return f".{change.old} was removed: {change.instead}"


def _call_now(change: RenamedParameter | RemovedParameter | NewParameter) -> str:
    if isinstance(change, RenamedParameter):
        return f"the parameter {change.old} is now {change.new}"
    if isinstance(change, RemovedParameter):
        return f"the parameter {change.old} was removed" + (f": {change.instead}" if change.instead else "")
    return f"the parameter {change.name} is new; give {change.value}"


def _is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
