"""The tags a template may use: Django's, where they read no file, no setting and no memory.

Not here, on purpose: `include`, `extends`, `load`, `debug`, `url`, `static`, `csrf_token` (show or
read the system), `lorem`, `widthratio` (size from a number), `autoescape` and `filter` (a way
around escaping), `regroup` (makes objects that are not JSON).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.template import Library, defaulttags
from django.template.base import Parser, Token

from .errors import RenderFailed
from .expressions import Expression
from .limits import Meter
from .values import Absent, JsonVariable, RenderContext, as_text

library = Library()

for _name in ("comment", "ifchanged", "now", "spaceless", "verbatim"):
    library.tag(_name, getattr(defaulttags, _name))
library.tag("if", defaulttags.do_if)
library.tag("with", defaulttags.do_with)


@library.tag("for")
def do_for(parser: Parser, token: Token) -> Any:
    """Django's, over lists alone, stopped at any turn: a loop over nothing costs time too."""
    node: Any = defaulttags.do_for(parser, token)
    node.sequence = LoopSource(node.sequence, pairs=len(node.loopvars) == 2)
    return node


@library.tag
def cycle(parser: Parser, token: Token) -> Any:
    node: Any = defaulttags.cycle(parser, token)
    node.cyclevars = [Printed.of(value) for value in node.cyclevars]
    return node


@library.tag
def firstof(parser: Parser, token: Token) -> Any:
    node: Any = defaulttags.firstof(parser, token)
    node.vars = [Printed.of(value) for value in node.vars]
    return node


class Printed:
    """An expression whose value is about to be printed, so must have a text."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    @classmethod
    def of(cls, value: "Expression | Printed") -> "Printed":
        """`{% cycle name %}` returns the node of the first `{% cycle … as name %}` again."""
        return value if isinstance(value, Printed) else cls(value)

    def resolve(self, context: RenderContext, ignore_failures: bool = False) -> Any:
        value = self.expression.resolve(context, ignore_failures)
        return as_text(value) if value or value is None else value


class LoopSource:
    """What a loop runs over; a missing one is missing, where Django would loop over nothing.

    The pairs of an object are there for two loop variables only: an order without its list of
    `items` must be a missing variable, and not a loop over the fields of the order.
    """

    def __init__(self, expression: Expression, *, pairs: bool) -> None:
        self.expression = expression
        self.owner = _owner_of_items(expression) if pairs else None
        self.pairs = pairs

    def resolve(self, context: RenderContext, ignore_failures: bool = False) -> "Turns":
        owner = self._pairs_owner(context)
        value = self.expression.resolve(context) if owner is None else owner
        if isinstance(value, dict):
            value = list(value.items() if self.pairs else value)
        if value is None or value == "":
            value = []
        if not isinstance(value, list | tuple):
            raise RenderFailed(f"{self.expression.token!r} is not a list.")
        return Turns(value, context.meter)

    def _pairs_owner(self, context: RenderContext) -> dict[str, Any] | None:
        if self.owner is None:
            return None
        try:
            owner = self.owner.resolve(context)
        except Absent:
            return None
        return owner if isinstance(owner, dict) and "items" not in owner else None


def _owner_of_items(expression: Expression) -> JsonVariable | None:
    """`order` of `{% for key, value in order.items %}`."""
    lookups: tuple[str, ...] = getattr(expression.var, "lookups", None) or ()
    if expression.names or len(lookups) < 2 or lookups[-1] != "items":
        return None
    return JsonVariable(".".join(lookups[:-1]))


class Turns:
    """A list that looks at the meter at each item."""

    def __init__(self, items: Sequence[Any], meter: Meter) -> None:
        self._items = items
        self._meter = meter

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return self._metered(iter(self._items))

    def __reversed__(self) -> Iterator[Any]:
        return self._metered(reversed(self._items))

    def _metered(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            self._meter.tick()
            yield item
