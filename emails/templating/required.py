"""Which names a template asks for, read off its nodes without rendering."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.template import Node
from django.template.base import VariableNode
from django.template.defaulttags import (
    CycleNode,
    FirstOfNode,
    ForNode,
    IfChangedNode,
    IfNode,
    NowNode,
    SpacelessNode,
    WithNode,
)

from .expressions import FALLBACKS
from .values import JsonVariable

TESTS_THAT_NEED_A_VALUE = frozenset({"==", ">", ">=", "<", "<=", "in"})
CONSTANTS = frozenset({"True", "False", "None"})


@dataclass(frozen=True, slots=True)
class Known:
    """What a place in the template may rely on: names bound by tags, names tested by `{% if %}`."""

    bound: frozenset[str] = CONSTANTS
    present: frozenset[str] = frozenset()

    def binding(self, *names: str | None) -> "Known":
        return replace(self, bound=self.bound.union(name for name in names if name))

    def having(self, names: Iterable[str]) -> "Known":
        return replace(self, present=self.present.union(names))


def required_names(nodes: Iterable[Node]) -> frozenset[str]:
    """Dotted names, as written, of what is printed or looped over outside its own `{% if %}`."""
    return frozenset(_in_nodes(nodes, Known()))


def _in_nodes(nodes: Iterable[Any], known: Known) -> Iterator[str]:
    for metered in nodes:
        node = getattr(metered, "node", metered)
        yield from _in_node(node, known)
        known = known.binding(_named_by(node))


def _in_node(node: Any, known: Known) -> Iterator[str]:
    match node:
        case VariableNode():
            yield from _in_expression(node.filter_expression, known)
        case CycleNode():
            for printed in node.cyclevars:
                yield from _in_expression(_inner(printed), known)
        case IfNode():
            yield from _in_branches(node, known)
        case ForNode():
            yield from _in_expression(_inner(node.sequence), known)
            yield from _in_nodes(node.nodelist_loop, known.binding("forloop", *node.loopvars))
            yield from _in_nodes(node.nodelist_empty, known)
        case WithNode():
            for expression in node.extra_context.values():
                yield from _in_expression(expression, known)
            yield from _in_nodes(node.nodelist, known.binding(*node.extra_context))
        case IfChangedNode():
            yield from _in_nodes([*node.nodelist_true, *node.nodelist_false], known)
        case SpacelessNode():
            yield from _in_nodes(node.nodelist, known)


def _in_branches(node: Any, known: Known) -> Iterator[str]:
    for condition, nodes in node.conditions_nodelists:
        yield from _in_nodes(nodes, known.having(_implied_by(condition)))
        if condition is not None and condition.id == "not":
            known = known.having(_implied_by(condition.first))


def _implied_by(condition: Any) -> Iterator[str]:
    """The names that have a value where the condition holds."""
    if condition is None:
        return
    if condition.id == "literal":
        yield from _names(condition.value.var)
    elif condition.id == "and" or condition.id in TESTS_THAT_NEED_A_VALUE:
        yield from _implied_by(condition.first)
        yield from _implied_by(condition.second)


def _in_expression(expression: Any, known: Known) -> Iterator[str]:
    values = [] if expression.has_fallback else [expression.var]
    for name, (_, args) in zip(expression.names, expression.filters, strict=True):
        if name not in FALLBACKS:
            values += (arg for _, arg in args)
    for value in values:
        for dotted in _names(value):
            if dotted.partition(".")[0] not in known.bound and dotted not in known.present:
                yield dotted


def _inner(wrapped: Any) -> Any:
    """The expression that our `for` and `cycle` wrapped."""
    return wrapped.expression


def _names(value: object) -> Iterator[str]:
    if isinstance(value, JsonVariable) and value.lookups is not None:
        yield ".".join(value.lookups)


def _named_by(node: Any) -> str | None:
    """The name that the tag sets for what follows it: `{% firstof a b as name %}`."""
    if isinstance(node, FirstOfNode | NowNode):
        return node.asvar
    return node.variable_name if isinstance(node, CycleNode) else None
