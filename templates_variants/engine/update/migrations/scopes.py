"""Finds the names that each scope of a Python module binds: imports, definitions, parameters and variables."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Binding:
    """One place that binds a name.

    "import": `target` is the imported dotted name. "define": `node` is the class or function. "value": `node` is the
    expression that is assigned to the name, or None if there is no such expression. "each": a loop assigns each item of
    `node` to the name. "enter": `with node as name` binds the name. "parameter": the name is a parameter of a function.
    """

    kind: Literal["import", "define", "value", "each", "enter", "parameter"]
    node: ast.AST | None = None
    target: str = ""
    annotation: ast.expr | None = None


@dataclass
class Scope:
    """A module, class, function or comprehension, with the names that are bound in it."""

    node: ast.AST
    parent: "Scope | None"
    names: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)  # modules from which `import *` imports
    elsewhere: set[str] = field(default_factory=set)  # names declared `global` or `nonlocal`

    def bind(self, name: str, binding: Binding) -> None:
        scope: Scope = self
        while name in scope.elsewhere and scope.parent is not None:
            scope = scope.parent
        scope.names.setdefault(name, []).append(binding)

    def holder(self, name: str) -> "Scope | None":
        """Returns the scope that binds a name used in this scope; None for a builtin or an unknown name."""
        scope: Scope | None = self
        while scope is not None:
            usable = scope is self or not isinstance(scope.node, ast.ClassDef)
            if usable and name in scope.names:
                return scope
            scope = scope.parent
        return None

    @property
    def module(self) -> "Scope":
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


class Bindings(ast.NodeVisitor):
    """Finds all scopes of a module. `of` maps each node of the tree to the scope in which it is evaluated."""

    def __init__(self, tree: ast.Module, name: str, *, is_package: bool) -> None:
        self.name, self._package = name, name if is_package else name.rpartition(".")[0]
        self.of: dict[ast.AST, Scope] = {}
        self.module = self._scope = Scope(tree, None)
        self.visit(tree)

    def absolute(self, node: ast.ImportFrom) -> str:
        """Returns the full dotted name of the module in a `from` statement, also for a relative import."""
        if not node.level:
            return node.module or ""
        parts = self._package.split(".")
        base = parts[: len(parts) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def visit(self, node: ast.AST) -> None:
        self.of[node] = self._scope
        method = getattr(self, f"visit_{type(node).__name__}", None)
        if method is not None:
            method(node)
        else:
            self.generic_visit(node)

    def _inside(self, node: ast.AST, children: Iterator[ast.AST] | list[ast.AST]) -> None:
        before, self._scope = self._scope, Scope(node, self._scope)
        self._declare(node)
        for child in children:
            self.visit(child)
        self._scope = before

    def _declare(self, node: ast.AST) -> None:
        """Reads the `global` and `nonlocal` statements first, because they apply to the whole function."""
        waiting = list(ast.iter_child_nodes(node))
        while waiting:
            child = waiting.pop()
            if isinstance(child, ast.Global | ast.Nonlocal):
                self._scope.elsewhere.update(child.names)
            elif not isinstance(child, Function | ast.ClassDef):
                waiting += ast.iter_child_nodes(child)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.of[alias] = self._scope
            target = alias.name if alias.asname else alias.name.split(".")[0]
            self._scope.bind(alias.asname or target, Binding("import", alias, target))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self.absolute(node)
        for alias in node.names:
            self.of[alias] = self._scope
            if alias.name == "*":
                self._scope.stars.append(module)
            else:
                self._scope.bind(alias.asname or alias.name, Binding("import", alias, f"{module}.{alias.name}"))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.bind(node.name, Binding("define", node))
        for outer in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outer)
        self._inside(node, [*node.body])

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._scope.bind(node.name, Binding("define", node))
        self._function(node, [*node.decorator_list, *([node.returns] if node.returns else [])], [*node.body])

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that ast requires

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [], [node.body])

    def _function(self, node: Function, outer: list[ast.expr], body: list[ast.AST]) -> None:
        given = node.args
        parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        parameters += [one for one in (given.vararg, given.kwarg) if one]
        annotations = [one.annotation for one in parameters if one.annotation]
        defaults = [one for one in (*given.defaults, *given.kw_defaults) if one]
        for expression in (*outer, *annotations, *defaults):
            self.visit(expression)
        before, self._scope = self._scope, Scope(node, self._scope)
        self._declare(node)
        for one in parameters:
            packed = one in (given.vararg, given.kwarg)
            self._scope.bind(one.arg, Binding("parameter", one, annotation=None if packed else one.annotation))
        for child in body:
            self.visit(child)
        self._scope = before

    def _comprehension(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        self._inside(node, [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.comprehension)])
        inner = next(self.of[one] for one in node.generators)
        before, self._scope = self._scope, inner
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.comprehension):
                self.visit(child)
        self._scope = before

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815 - as above

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._targets(node.target, Binding("each", node.iter))
        if node.iter not in self.of:
            self.visit(node.iter)
        for test in node.ifs:
            self.visit(test)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._targets(target, Binding("value", node.value))
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._targets(node.target, Binding("value", node.value, annotation=node.annotation))
        for child in (node.annotation, node.value):
            if child is not None:
                self.visit(child)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._targets(node.target, Binding("value"))
        self.visit(node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.of[node.target] = self._scope
        holder = self._scope
        while isinstance(holder.node, Comprehension) and holder.parent is not None:
            holder = holder.parent
        holder.bind(node.target.id, Binding("value", node.value))
        self.visit(node.value)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._targets(node.target, Binding("each", node.iter))
        for child in (node.iter, *node.body, *node.orelse):
            self.visit(child)

    visit_AsyncFor = visit_For  # noqa: N815 - as above

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self._targets(node.optional_vars, Binding("enter", node.context_expr))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._scope.bind(node.name, Binding("parameter", node, annotation=node.type))
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._captured(node.name, node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._captured(node.name, node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._captured(node.rest, node)

    def _captured(self, name: str | None, node: ast.AST) -> None:
        if name:
            self._scope.bind(name, Binding("value"))
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._targets(target, Binding("value"))

    def _targets(self, target: ast.expr, binding: Binding) -> None:
        """Binds the names in the target of an assignment. The parts of an unpacked value have no known expression."""
        self.of[target] = self._scope
        if isinstance(target, ast.Name):
            self._scope.bind(target.id, binding)
        elif isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                self._targets(one, Binding("value"))
        elif isinstance(target, ast.Starred):
            self._targets(target.value, Binding("value"))
        else:
            self.visit(target)
