"""`{{ order.total|floatformat:2 }}`: a value and its filters, over JSON and within limits."""

from typing import Any

from django.template import TemplateSyntaxError, Variable
from django.template.base import FilterExpression, Parser
from django.utils.safestring import SafeData, mark_safe

from .values import Absent, JsonVariable, RenderContext, size_of

FALLBACKS = frozenset({"default", "default_if_none"})


class Expression(FilterExpression):
    """Django's syntax with our lookups; what is missing is noted in the context and is empty.

    Nothing is noted where nothing is missed: in a condition, or before a `default`.
    """

    __slots__ = ("names",)

    def __init__(self, token: str, parser: Parser) -> None:
        super().__init__(token, parser)
        self.var = _json(self.var)
        self.filters = [
            (function, [(lookup, _json(arg)) for lookup, arg in args])
            for function, args in self.filters
        ]
        self.names = tuple(function._filter_name for function, _ in self.filters)

    @property
    def has_fallback(self) -> bool:
        return not FALLBACKS.isdisjoint(self.names)

    def resolve(  # type: ignore[override]
        self, context: RenderContext, ignore_failures: bool = False
    ) -> Any:
        context.meter.tick()
        value = self._start(context, ignore_failures)
        for name, (function, args) in zip(self.names, self.filters, strict=True):
            # The fallback itself may be missing where it is not needed.
            if not (name in FALLBACKS and value):
                value = self._apply(function, value, args, context)
        return value

    def _start(self, context: RenderContext, ignore_failures: bool) -> Any:
        if not isinstance(self.var, JsonVariable):
            return self.var
        try:
            return self.var.resolve(context)
        except Absent as absent:
            if ignore_failures or self.names[:1] == ("default_if_none",):
                return None
            if not self.has_fallback:
                context.miss(absent)
            return ""

    def _apply(
        self, function: Any, value: Any, args: list[tuple[bool, Any]], context: RenderContext
    ) -> Any:
        # Constants are the author's, who writes HTML anyway.
        given = [_argument(arg, context) if lookup else mark_safe(arg) for lookup, arg in args]  # noqa: S308
        context.meter.worked(size_of(value) + sum(map(size_of, given)))
        options = (
            {"autoescape": context.autoescape}
            if getattr(function, "needs_autoescape", False)
            else {}
        )
        result = function(value, *given, **options)
        context.meter.worked(size_of(result))
        if getattr(function, "is_safe", False) and isinstance(value, SafeData):
            return mark_safe(result)  # noqa: S308  # as safe as it was before the filter
        return result


def _argument(arg: JsonVariable, context: RenderContext) -> Any:
    try:
        return arg.resolve(context)
    except Absent as absent:
        context.miss(absent)
        return ""


def _json(value: object) -> object:
    """Our kind of variable in place of Django's; constants as they are."""
    if isinstance(value, Variable) and not value.translate:
        return JsonVariable(value.var)
    if isinstance(value, str):
        return value
    raise TemplateSyntaxError("_( ) is not available: write the text as it is")
