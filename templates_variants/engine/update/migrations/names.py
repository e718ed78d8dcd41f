"""Finds what a name in the owner's code means in the new template, and the class of an expression's value.

Only imports, definitions, annotations and calls are used for this. If they do not show the meaning or the class, the
result is None, and the migration lists the line but does not edit it.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from templates_variants.engine.update.migrations.scopes import Binding, Bindings, Scope

PACKAGE = "competitor"
MAX_STEPS = 40  # in following a name from module to module; more steps mean a cycle
_MANY = {"list", "set", "frozenset", "tuple", "Sequence", "Iterable", "Iterator", "AsyncIterator", "AsyncIterable"}
_MANY |= {"Collection", "AsyncGenerator", "Generator", "deque"}
_SAME = {"Optional", "Annotated", "Awaitable", "Final", "ClassVar", "Required"}


@dataclass(frozen=True)
class Instance:
    """An instance of the class with this dotted name, or if `many` is true, a collection of such instances."""

    name: str
    many: bool = False


class Names:
    """Looks names up in the owner's modules and in those of the new template.

    In this class, the home of an object is the dotted name under which it is defined. `old` means that a name is from
    the owner's code, so it may be a name of the old template.
    """

    def __init__(
        self,
        owners: Mapping[str, Bindings],
        new: Path,
        old: Path,
        moves: Sequence[Mapping[str, str]],
    ) -> None:
        self.owners, self._new, self._old, self._moves = owners, new, old, moves
        self._modules: dict[tuple[Path, str], Bindings | None] = {}

    def module(self, name: str) -> Bindings | None:
        """Returns the module with this dotted name: the owner's, else the new template's, else None."""
        return self.owners[name] if name in self.owners else self._cached(self._new, name)

    def _cached(self, root: Path, name: str) -> Bindings | None:
        if (root, name) not in self._modules:
            self._modules[root, name] = self._read(root, name)
        return self._modules[root, name]

    @staticmethod
    def _read(root: Path, name: str) -> Bindings | None:
        if name.split(".")[0] not in (PACKAGE, "tests"):
            return None
        folder = root.joinpath(*name.split("."))
        for file, is_package in ((folder / "__init__.py", True), (folder.with_suffix(".py"), False)):
            if file.is_file():
                return Bindings(ast.parse(file.read_bytes()), name, is_package=is_package)
        return Bindings(ast.Module([], []), name, is_package=True) if folder.is_dir() else None

    def moved(self, dotted: str) -> str:
        """Returns the new dotted name for a name from an owner's import. It is the same if nothing was moved."""
        for moves in self._moves:
            known = next((head for head in _heads(dotted) if head in moves), None)
            if known is not None:
                dotted = moves[known] + dotted[len(known) :]
        return dotted

    def home(self, dotted: str, *, old: bool, steps: int = MAX_STEPS) -> str:
        """Returns the dotted name under which an object is defined. Follows re-exports, also in the owner's modules.

        If `old` is true, the name is from an owner's file, so it is first replaced by its new name.
        """
        named = dotted
        if old := old and not any(head in self.owners for head in _heads(dotted)):
            dotted = self.moved(dotted)
        module, _, rest = self._split(dotted)
        if module is None or not rest or steps <= 0:
            return dotted
        if old and not self.has(dotted) and (target := self._imported_before(named)):
            return self.home(target, old=True, steps=steps - 1)
        old = module.name in self.owners
        first, _, more = rest.partition(".")
        bindings = module.module.names.get(first)
        if bindings:
            target = self._common(bindings)
            if target and target != dotted:
                return self.home(target + (f".{more}" if more else ""), old=old, steps=steps - 1)
            return dotted
        for star in module.module.stars:
            if first in self.exports(star, old=old):
                return self.home(f"{star}.{rest}", old=old, steps=steps - 1)
        return dotted

    def has(self, dotted: str) -> bool:
        """Whether this dotted name is a module, or a name in a module, of the new template or of the owner."""
        module, _, rest = self._split(dotted)
        if module is None:
            return False
        names, first = module.module.names, rest.split(".")[0]
        return not rest or first in names or any(first in self.exports(star, old=False) for star in module.module.stars)

    def _imported_before(self, dotted: str) -> str | None:
        """If the old module imported this name, returns the dotted name of the imported object; otherwise None."""
        head, _, name = dotted.rpartition(".")
        before = self._cached(self._old, head)
        return self._common(before.module.names[name]) if before and name in before.module.names else None

    def exports(self, module: str, *, old: bool) -> set[str]:
        """Returns the names that `from module import *` imports."""
        found = self.module(module)
        if old and module not in self.owners:
            found = self._cached(self._old, module) or self.module(self.moved(module))
        if found is None:
            return set()
        listed = _listed(found.module.node)
        if listed is not None:
            return listed
        names = {name for name in found.module.names if not name.startswith("_")}
        stars = [star for star in found.module.stars if star != module]
        return names.union(*(self.exports(star, old=module in self.owners) for star in stars))

    def resolve(self, expression: ast.AST, scope: Scope, module: Bindings, steps: int = MAX_STEPS) -> str | None:
        """Returns the home of the module, class, function or constant that an expression names; None if unknown."""
        attributes: list[str] = []
        while isinstance(expression, ast.Attribute):
            attributes.insert(0, expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name) or steps <= 0:
            return None
        name, old = expression.id, module.name in self.owners
        holder = scope.holder(name)
        if holder is None:
            stars = [star for star in scope.module.stars if name in self.exports(star, old=old)]
            return self.home(".".join([stars[0], name, *attributes]), old=old) if stars else None
        bindings = holder.names[name]
        if target := self._common(bindings):
            return self.home(".".join([target, *attributes]), old=old)
        if len(bindings) > 1:
            return None
        if bindings[0].kind == "define" and holder.parent is None:
            return ".".join([module.name, name, *attributes])
        if bindings[0].kind == "value" and isinstance(bindings[0].node, ast.Name | ast.Attribute):
            base = self.resolve(bindings[0].node, holder, module, steps - 1)
            return self.home(".".join([base, *attributes]), old=False) if base else None
        return None

    def infer(
        self, expression: ast.AST | None, scope: Scope, module: Bindings, steps: int = MAX_STEPS
    ) -> Instance | None:
        """Returns the class of an expression's value, as an `Instance`; None if the code does not show it."""
        if steps <= 0 or expression is None:
            return None
        steps -= 1
        if isinstance(expression, ast.Await | ast.NamedExpr | ast.Starred):
            return self.infer(expression.value, scope, module, steps)
        if isinstance(expression, ast.IfExp):
            one, other = (self.infer(part, scope, module, steps) for part in (expression.body, expression.orelse))
            return one if one == other else None
        if isinstance(expression, ast.Subscript):
            items = self.infer(expression.value, scope, module, steps)
            if items is None or not items.many:
                return None
            return items if isinstance(expression.slice, ast.Slice) else Instance(items.name)
        if isinstance(expression, ast.Attribute):
            owner = self.infer(expression.value, scope, module, steps)
            return self._member(owner.name, expression.attr, steps) if owner and not owner.many else None
        if isinstance(expression, ast.Call):
            return self._call(expression, scope, module, steps)
        if isinstance(expression, ast.Name) and (holder := scope.holder(expression.id)):
            found = {self._bound(one, holder, module, steps) for one in holder.names[expression.id]}
            return found.pop() if len(found) == 1 else None
        return None

    def _call(self, call: ast.Call, scope: Scope, module: Bindings, steps: int) -> Instance | None:
        named = self.resolve(call.func, scope, module)
        if named:
            found = self.definition(named)
            if found and isinstance(found[0], ast.ClassDef):
                return Instance(named)
            if found:
                return self._returned(*found, steps)
        if isinstance(call.func, ast.Attribute):
            owner = self.infer(call.func.value, scope, module, steps)
            if owner and not owner.many:
                return self._member(owner.name, call.func.attr, steps)
        return None

    def _bound(self, binding: Binding, holder: Scope, module: Bindings, steps: int) -> Instance | None:
        if binding.annotation is not None:
            return self.annotated(binding.annotation, holder, module)
        if binding.kind == "value":
            return self.infer(binding.node, holder, module, steps)
        if binding.kind == "each":
            items = self.infer(binding.node, holder, module, steps)
            return Instance(items.name) if items and items.many else None
        if binding.kind == "enter":
            manager = self.infer(binding.node, holder, module, steps)
            if manager is None:
                return None
            entered = (self._member(manager.name, method, steps) for method in ("__aenter__", "__enter__"))
            return next((one for one in entered if one), manager)
        outer = holder.parent
        if binding.kind == "parameter" and outer is not None and isinstance(outer.node, ast.ClassDef):
            function = holder.node
            first = function.args.args[:1] if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else []
            if first and first[0] is binding.node:
                return Instance(f"{module.name}.{outer.node.name}")
        return None

    def annotated(self, annotation: ast.expr, scope: Scope, module: Bindings) -> Instance | None:
        """Returns the class in an annotation such as `Chat`, `"Chat | None"` or `list[Tool]`, as an `Instance`."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                return None
        if isinstance(annotation, ast.BinOp):
            sides = [side for side in (annotation.left, annotation.right) if not _is_none(side)]
            return self.annotated(sides[0], scope, module) if len(sides) == 1 else None
        if isinstance(annotation, ast.Subscript):
            name = ast.unparse(annotation.value).rpartition(".")[2]
            inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
            if name == "Coroutine":
                return self.annotated(inner[-1], scope, module)
            if name in _SAME:
                return self.annotated(inner[0], scope, module)
            one = self.annotated(inner[0], scope, module) if name in _MANY else None
            return Instance(one.name, many=True) if one and not one.many else None
        named = self.resolve(annotation, scope, module)
        return Instance(named) if named and named.split(".")[0] in (PACKAGE, "tests") else None

    def definition(self, dotted: str) -> tuple[ast.AST, Scope, Bindings] | None:
        """Returns the class or function with this dotted name, its scope and its module; None if there is none."""
        module, _, rest = self._split(dotted)
        if module is None or not rest:
            return None
        scope, node = module.module, None
        for name in rest.split("."):
            defined = [one.node for one in scope.names.get(name, ()) if one.kind == "define"]
            if not defined or defined[-1] is None:
                return None
            node = defined[-1]
            body = getattr(node, "body", [None])
            scope = module.of.get(body[0], module.module) if isinstance(node, ast.ClassDef) else scope
        return (node, scope, module) if node is not None else None

    def bases(self, dotted: str, steps: int = MAX_STEPS) -> list[str]:
        """Returns the class and its direct and indirect base classes, as far as they can be found."""
        found = self.definition(dotted)
        if found is None or not isinstance(found[0], ast.ClassDef) or steps <= 0:
            return [dotted]
        node, _, module = found
        named = [self.resolve(base, module.module, module) for base in getattr(node, "bases", ())]
        return [dotted, *(more for base in named if base for more in self.bases(base, steps - 1))]

    def _member(self, owner: str, name: str, steps: int) -> Instance | None:
        for one in self.bases(owner):
            found = self.definition(one)
            if found is None:
                continue
            _, scope, module = found
            for binding in scope.names.get(name, ()):
                if binding.annotation is not None:
                    return self.annotated(binding.annotation, module.module, module)
                if binding.node is not None and binding.kind == "define":
                    return self._returned(binding.node, scope, module, steps, owner)
        return None

    def _returned(
        self, function: ast.AST, scope: Scope, module: Bindings, steps: int, owner: str = ""
    ) -> Instance | None:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.returns is None or steps <= 0:
            return None
        if owner and ast.unparse(function.returns).strip("'\"") == "Self":
            return Instance(owner)
        return self.annotated(function.returns, module.module, module)

    def _split(self, dotted: str) -> tuple[Bindings | None, str, str]:
        """Splits a dotted name into a module and the rest.

        Returns the module with the longest name that the dotted name begins with, the name of this module, and the rest
        of the dotted name.
        """
        for head in _heads(dotted):
            if (module := self.module(head)) is not None:
                return module, head, dotted[len(head) + 1 :]
        return None, "", dotted

    @staticmethod
    def _common(bindings: list[Binding]) -> str | None:
        targets = {one.target if one.kind == "import" else "" for one in bindings}
        return targets.pop() if len(targets) == 1 else None


def _heads(dotted: str) -> list[str]:
    """Returns all beginnings of a dotted name, the longest first: for `a.b.c`, these are `a.b.c`, `a.b` and `a`."""
    parts = dotted.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _is_none(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is None


def _listed(tree: ast.AST) -> set[str] | None:
    """Returns the names in a module's `__all__`; None if there is no `__all__` or it is not a literal."""
    for statement in getattr(tree, "body", ()):
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            try:
                return set(ast.literal_eval(statement.value))
            except (ValueError, TypeError):
                return None
    return None
