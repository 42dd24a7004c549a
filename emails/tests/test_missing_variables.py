"""A mail that lacks a variable is refused at the door, and all names are told at once."""

import pytest

from emails.templating import compile_part, missing_variables


def missing(source, variables):
    return missing_variables([compile_part(source, html=True)], variables)


@pytest.mark.parametrize(
    ("source", "variables", "names"),
    [
        ("{{ b }}{{ a }}{{ b }}", {}, ["a", "b"]),
        ("{{ order.total }}{{ order.id }}", {}, ["order.id", "order.total"]),
        ("{{ order.total }}", {"order": {}}, ["order.total"]),
        ("{{ a.b.c }}", {"a": {"b": {}}}, ["a.b.c"]),
        ("{{ name.first }}", {"name": "Ada"}, ["name.first"]),
        ("{{ xs.2 }}", {"xs": [1, 2]}, ["xs.2"]),
        ("{{ name|upper }}", {}, ["name"]),
        ("{{ a|add:b }}", {"a": 1}, ["b"]),
        ("{% for x in items %}{{ x }}{% endfor %}", {}, ["items"]),
        (
            "{% for x in items %}{{ x.price }}{% endfor %}",
            {"items": [{"price": 1}, {}]},
            ["items.1.price"],
        ),
        (
            "{% for o in orders %}{% for x in o.items %}{{ x.price }}{% endfor %}{% endfor %}",
            {"orders": [{"items": [{}]}, {}]},
            ["orders.0.items.0.price", "orders.1.items"],
        ),
        ("{% for x in items %}{{ x.price }}{% endfor %}", {"items": [3]}, ["x.price"]),
        ("{% with o=order %}{{ o.id }}{% endwith %}", {"order": {}}, ["order.id"]),
        ("{% with o=order.id %}{% endwith %}", {"order": {}}, ["order.id"]),
        ("{% cycle a b %}", {}, ["a"]),
        ("{% if vip %}{% else %}{{ code }}{% endif %}", {}, ["code"]),
        ("{% if name %}{{ name }}{% endif %}{{ name }}", {}, ["name"]),
    ],
)
def test_printed_names_without_value_are_missing(source, variables, names):
    assert missing(source, variables) == names


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("{% if name %}Hi {{ name }}{% endif %}", {}),
        ("{% if a %}{% elif name %}{{ name }}{% endif %}", {}),
        ("{% if a == 'x' or not b.c %}ok{% endif %}", {}),
        ("{% if vip %}{{ code }}{% endif %}", {}),
        ("{{ name|default:'you' }}", {}),
        ("{{ name|default_if_none:'you' }}", {}),
        ("{{ name|upper|default:'you' }}", {}),
        ("{{ day|date:'Y'|default:'soon' }}", {}),
        ("{{ a|default:b }}", {"a": "x"}),
        ("{% firstof a b 'c' %}", {}),
        ("{% ifchanged a %}{% endifchanged %}", {}),
        (
            "{% for x in xs %}{{ x }}{{ forloop.counter }}{{ forloop.last }}{% endfor %}",
            {"xs": [1]},
        ),
        ("{% with n=1 %}{{ n }}{% endwith %}", {}),
        ("{{ body }}", {}),
        ("{{ name }}{{ flag }}{{ n }}", {"name": "", "flag": False, "n": None}),
        ("{% comment %}{{ name }}{% endcomment %}{# {{ name }} #}", {}),
        ("{% verbatim %}{{ name }}{% endverbatim %}", {}),
        ("{{ True }}{{ 3 }}{{ 'x' }}", {}),
    ],
)
def test_names_that_are_tested_defaulted_or_bound_are_optional(source, variables):
    assert missing(source, variables) == []


def test_names_of_all_parts_are_told_together():
    parts = [
        compile_part("{{ z }}", html=False),
        compile_part("{{ a }}", html=True),
        compile_part("{{ a }}{{ m }}", html=False),
    ]
    assert missing_variables(parts, {}) == ["a", "m", "z"]


def test_default_replaces_a_missing_value_either_way():
    part = compile_part("{{ a|default:'x' }}{{ a|default_if_none:'y' }}", html=True)
    assert part.render({}) == "xy"


def test_many_missing_names_are_cut_off():
    assert (
        len(missing("{% for x in xs %}{{ x.y }}{% endfor %}", {"xs": [{} for _ in range(99)]}))
        == 50
    )


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ a }}{{ b.c|upper }}{{ d|default:e }}{{ f|add:g }}", {"a", "b.c", "f", "g"}),
        ("{% if a %}{{ a }}{{ b }}{% else %}{{ a }}{{ c }}{% endif %}", {"a", "b", "c"}),
        ("{% if a and b %}{{ a }}{{ b }}{% elif c == 'x' %}{{ c }}{% endif %}", set()),
        ("{% if a or b %}{{ a }}{% endif %}", {"a"}),
        ("{% if not a %}-{% else %}{{ a }}{% endif %}", set()),
        ("{% if not a %}{{ a }}{% endif %}", {"a"}),
        (
            "{% for x in xs %}{{ x.p }}{{ forloop.counter }}{{ y }}{% empty %}{{ z }}{% endfor %}",
            {"xs", "y", "z"},
        ),
        ("{% for k, v in o.items %}{{ k }}{{ v }}{% endfor %}{{ k }}", {"o.items", "k"}),
        ("{% with n=a.b %}{{ n }}{% endwith %}{{ n }}", {"a.b", "n"}),
        (
            "{% firstof a b as c %}{{ c }}{% now 'Y' as y %}{{ y }}{% cycle d 'e' as f %}{{ f }}",
            {"d"},
        ),
        ("{% ifchanged a %}{{ b }}{% else %}{{ c }}{% endifchanged %}", {"b", "c"}),
        ("{% spaceless %}<p>{{ a }}</p>{% endspaceless %}{{ body }}{{ None }}{{ 1 }}", {"a"}),
    ],
)
def test_required_names_are_read_off_every_branch(source, names):
    assert compile_part(source, html=True).required_variables() == names
