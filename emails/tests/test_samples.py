"""Made-up variables for previews."""

import pytest

from emails.samples import sample_variables
from emails.templating import compile_part


def sample(source):
    return sample_variables([compile_part(source, html=True)])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello", {}),
        ("Hello {{ name }}", {"name": "name"}),
        ("{{ order.number }} {{ order.total }}", {"order": {"number": "number", "total": "total"}}),
        ("{% for i in items %}{{ i.a }}{% endfor %}", {"items": [{"a": "a"}]}),
        ("{% for tag in tags %}{{ tag }}{% endfor %}", {"tags": ["tags"]}),
        ("{{ day|date:'Y' }}", {"day": "2030-01-31T12:00:00+00:00"}),
        ("{% if vip %}{{ name }}{% endif %}", {}),
        ("{{ body }}{{ nick|default:'you' }}", {}),
    ],
)
def test_names_stand_for_themselves(source, expected):
    assert sample(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ a.b }}{% for x in a %}{{ x }}{% endfor %}",
        "{% for x in a %}{{ x.y.z }}{% endfor %}{{ a.b }}",
        "{{ a.0.b }}{{ a.c }}",
        "{{ a|divisibleby:b }}",
        "{{ a|floatformat:b }}",
        "".join(f"{{{{ v{number} }}}}" for number in range(200)),
    ],
)
def test_odd_templates_get_what_can_be_found(source):
    assert isinstance(sample(source), dict)
