# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts in conditions and sentences of the catalogue that the evidence never has, as of a misspelt name. Pure.

An expression's tree is read from the inside out: each node has the fact that it stands for, or None where the schema
does not say, and of what is None anything may be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import evidence_schema, expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.evidence_schema import Fact
from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE

# Filters that give elements of a list, or the list again; the first argument of some names a part of each element.
ONE = ("first", "last", "random", "min", "max")
SOME = ("list", "select", "reject", "selectattr", "rejectattr", "sort", "unique", "reverse", "default")
BY_PART = ("selectattr", "rejectattr")
# What Python's values can be asked, by kind; of a record and a map, the methods of a dict.
METHODS: dict[str, type] = {"text": str, "int": int, "number": float, "bool": bool, "list": list}
Scope = dict[str, Fact | None]


def in_expression(source: str) -> list[str]:
    """The facts that an expression asks for and no evidence has: a line each. The source must be valid."""
    return _Reader().read(expressions.expression_tree(source))


def in_sentence(source: str) -> list[str]:
    """The same of a text with expressions in it."""
    return _Reader().read(expressions.sentence_tree(source))


class _Reader:
    """Goes through one tree, and keeps what was wrong."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.kinds: dict[type[nodes.Node], Callable[..., Fact | None]] = {
            nodes.Name: self._name,
            nodes.Getattr: self._attribute,
            nodes.Getitem: self._item,
            nodes.Filter: self._filter,
            nodes.CondExpr: self._either,
            nodes.Or: self._or,
            nodes.For: self._loop,
            nodes.Assign: self._assign,
        }

    def read(self, tree: nodes.Node) -> list[str]:
        self._visit(tree, dict(evidence_schema.load().root().parts))
        return list(dict.fromkeys(self.wrong))

    def _visit(self, node: nodes.Node, scope: Scope) -> Fact | None:
        """The fact that a node stands for."""
        if handler := self.kinds.get(type(node)):
            return handler(node, scope)
        for child in node.iter_child_nodes():
            self._visit(child, scope)
        return None

    def _name(self, node: nodes.Name, scope: Scope) -> Fact | None:
        if node.name not in scope and node.name not in DEFAULT_NAMESPACE:
            self._unknown(node.name, scope)
        return scope.get(node.name)

    def _attribute(self, node: nodes.Getattr, scope: Scope) -> Fact | None:
        return self._part(self._visit(node.node, scope), node.attr, _spelled(node.node))

    def _item(self, node: nodes.Getitem, scope: Scope) -> Fact | None:
        holder = self._visit(node.node, scope)
        self._visit(node.arg, scope)
        if holder is None or isinstance(node.arg, nodes.Slice):
            return holder
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._part(holder, node.arg.value, _spelled(node.node))
        return holder.each

    def _part(self, holder: Fact | None, name: str, spelled: str) -> Fact | None:
        """A part of a fact by its name."""
        if holder is None or holder.kind == "map":
            return holder.each if holder else None
        if name in holder.parts:
            return holder.parts[name]
        if not hasattr(METHODS.get(holder.kind, dict), name):
            self._unknown(f"{spelled}.{name}", holder.parts, name)
        return None

    def _filter(self, node: nodes.Filter, scope: Scope) -> Fact | None:
        given = self._visit(node.node, scope) if node.node else None
        for child in (*node.args, *(pair.value for pair in node.kwargs)):
            self._visit(child, scope)
        each = given.each if given and given.kind == "list" else None
        part = _constant(node.args[:1]) if node.name in BY_PART else ""
        part = part or next((_constant([pair.value]) for pair in node.kwargs if pair.key == "attribute"), "")
        found = each
        for name in part.split(".") if part else ():
            found = self._part(found, name, f"{_spelled(node.node)}[]") if found else None
        if node.name in ONE:
            return each
        if node.name in SOME:
            return given
        if node.name == "map" and part and found:
            return Fact("list", each=found)
        return found if node.name == "sum" and part else None

    def _either(self, node: nodes.CondExpr, scope: Scope) -> Fact | None:
        self._visit(node.test, scope)
        found = [self._visit(child, scope) for child in (node.expr1, node.expr2) if child]
        return _common([fact for fact in found if fact])

    def _or(self, node: nodes.Or, scope: Scope) -> Fact | None:
        found = [self._visit(child, scope) for child in (node.left, node.right)]
        return _common([fact for fact in found if fact])

    def _loop(self, node: nodes.For, scope: Scope) -> Fact | None:
        over = self._visit(node.iter, scope)
        inner: Scope = {**scope, "loop": None, **dict.fromkeys(_targets(node.target))}
        if isinstance(node.target, nodes.Name) and over and over.kind == "list":
            inner[node.target.name] = over.each
        for child in (*([node.test] if node.test else []), *node.body):
            self._visit(child, inner)
        for child in node.else_:
            self._visit(child, scope)
        return None

    def _assign(self, node: nodes.Assign, scope: Scope) -> Fact | None:
        value = self._visit(node.node, scope)
        scope.update(dict.fromkeys(_targets(node.target)))
        if isinstance(node.target, nodes.Name):
            scope[node.target.name] = value
        return None

    def _unknown(self, spelled: str, known: Scope | dict[str, Fact], name: str = "") -> None:
        close = get_close_matches(name or spelled, known, n=1)
        hint = f", did you mean '{close[0]}'?" if close else ""
        self.wrong.append(f"no evidence has '{spelled}'{hint}")


def _common(found: list[Fact]) -> Fact | None:
    """The parts that several facts have in common: all where they are of one table, else none that is known."""
    return found[0] if found and all(fact == found[0] for fact in found) else None


def _targets(node: nodes.Node) -> Iterator[str]:
    yield from (name.name for name in ([node] if isinstance(node, nodes.Name) else node.find_all(nodes.Name)))


def _constant(found: list[nodes.Expr]) -> str:
    return found[0].value if found and isinstance(found[0], nodes.Const) and isinstance(found[0].value, str) else ""


def _spelled(node: nodes.Node | None) -> str:
    """A node as it was written, as far as it is a chain of names."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_spelled(node.node)}.{node.attr}"
    if isinstance(node, nodes.Filter):
        return _spelled(node.node) + ("[]" if node.name in ONE else "")
    if isinstance(node, nodes.Getitem):
        return f"{_spelled(node.node)}[]"
    return "(…)"
