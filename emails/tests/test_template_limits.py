"""A template may cost so much and no more, whatever its author thought of."""

import tracemalloc

import pytest

from emails.templating import Limits, RenderFailed, compile_part

TIGHT = Limits(output=20_000, work=100_000, seconds=0.2)
TEN = list(range(10))


def doubled(name, times, inner):
    grow = f"{{% with {name}={name}|add:{name} %}}"
    return grow * times + inner + "{% endwith %}" * times


def nested_loops(depth, inner):
    return "{% for a in xs %}" * depth + inner + "{% endfor %}" * depth


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        (nested_loops(9, "x"), {"xs": TEN}),
        (nested_loops(9, ""), {"xs": TEN}),
        (nested_loops(9, "{% comment %}{% endcomment %}"), {"xs": TEN}),
        (nested_loops(9, "{% if a %}{% endif %}"), {"xs": TEN}),
        (nested_loops(9, "{% ifchanged a %}{% endifchanged %}"), {"xs": TEN}),
        (nested_loops(9, "{% cycle 'a' 'b' as c silent %}"), {"xs": TEN}),
        (nested_loops(2, ""), {"xs": [0] * 100_000}),
        (nested_loops(2, "{{ x }}"), {"xs": TEN, "x": "y" * 1000}),
        (nested_loops(2, "{% firstof x %}"), {"xs": TEN, "x": "y" * 1000}),
        (nested_loops(2, "{% cycle x x %}"), {"xs": TEN, "x": "y" * 1000}),
        (nested_loops(2, "{% verbatim %}" + "y" * 1000 + "{% endverbatim %}"), {"xs": TEN}),
        (nested_loops(3, "{% now 'r' %}"), {"xs": TEN}),
        (nested_loops(3, "{% if x|upper == x %}{% endif %}"), {"xs": TEN, "x": "y" * 1000}),
        (
            nested_loops(3, "{% ifchanged x|lower %}{% endifchanged %}"),
            {"xs": TEN, "x": "y" * 1000},
        ),
        (doubled("x", 45, "{{ x|length }}"), {"x": "y"}),
        (doubled("x", 45, "{{ x|length }}"), {"x": [1]}),
        ("{{ x" + "|add:x" * 300 + "|length }}", {"x": "y" * 1000}),
        ("{{ x|truncatechars:99999999999 }}", {"x": "y" * 50_000}),
        ("{{ x|linebreaks }}", {"x": "a\n\n" * 5_000}),
        ("{{ x|urlencode }}", {"x": "😀" * 10_000}),
        ("{{ x|upper|title|lower|length }}", {"x": "y" * 50_000}),
        (doubled("xs", 12, "{{ xs|join:'' }}"), {"xs": ["y" * 1000]}),
        (doubled("xs", 12, "{{ xs }}"), {"xs": ["y" * 1000]}),
        (doubled("xs", 12, "{{ xs|upper }}"), {"xs": ["y" * 1000]}),
        (doubled("xs", 12, "{% firstof xs %}"), {"xs": ["y" * 1000]}),
        ("{{ xs|join:x }}", {"xs": [""] * 1000, "x": "y" * 50_000}),
        ("{{ 1|floatformat:999999999 }}", {}),
        ("{{ 1|floatformat:'-999999999g' }}", {}),
        ("{{ 1|floatformat:n }}", {"n": "9" * 5000}),
        ("{{ d|date:x }}", {"d": "2026-03-01", "x": "r" * 10_000}),
        ("{{ x|striptags }}", {"x": "<" * 60_000}),
        ("{{ x|striptags }}", {"x": "<a" * 1000}),
    ],
)
def test_runaway_template_is_stopped_early_and_small(source, variables):
    part = compile_part(source, html=False)
    tracemalloc.start()
    try:
        with pytest.raises(RenderFailed):
            part.render(variables, limits=TIGHT)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "n", [1e308, float("inf"), float("nan"), 10**4000, "1e999999999", "9" * 5000]
)
def test_extreme_numbers_neither_fail_nor_grow(n):
    rendered = compile_part("{{ n|floatformat:2 }}{{ n|add:1 }}{{ n }}", html=True).render({"n": n})
    assert len(rendered) < 20_000


def test_integer_too_long_to_print_fails_with_a_sentence():
    with pytest.raises(RenderFailed, match="do not fit"):
        compile_part("{{ n }}", html=True).render({"n": 10**5000})


def test_ordinary_mail_of_a_megabyte_passes():
    rows = [{"name": f"Item {i}", "price": i / 100} for i in range(10_000)]
    source = (
        "{% for row in rows %}<tr><td>{{ row.name }}</td><td>{{ row.price }}</td></tr>{% endfor %}"
    )
    unhurried = Limits(seconds=60)
    assert (
        compile_part(source, html=True).render({"rows": rows}, limits=unhurried).count("<tr>")
        == 10_000
    )


def test_limit_of_output_is_exact():
    part = compile_part("{{ a }}{{ b }}", html=False)
    assert part.render({"a": "x" * 6, "b": "y" * 4}, limits=Limits(output=10))
    with pytest.raises(RenderFailed, match="longer than 10 characters"):
        part.render({"a": "x" * 6, "b": "y" * 5}, limits=Limits(output=10))


def test_escaped_length_is_what_counts():
    with pytest.raises(RenderFailed, match="longer than"):
        compile_part("{{ a }}", html=True).render({"a": "<" * 5}, limits=Limits(output=10))
