"""Facts that no evidence has are found in expressions and texts, and what is right is let be."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import fact_check


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        ("edge.well and not service.listening", []),
        ("edge.wel", ["edge.wel"]),
        ("nosuch.fact", ["nosuch"]),
        ("edge.wel is defined", ["edge.wel"]),
        ("stack.unit.startswith('x') and stack.unit.upper()", []),
        ("stack.unit.nosuch", ["stack.unit.nosuch"]),
        ("edge.well.nosuch", ["edge.well.nosuch"]),
        ("edge.checks[0].status == 502 and (edge.checks | first).problem", []),
        ("edge.checks[0].stat", ["edge.checks[].stat"]),
        ("edge.checks[:2] | map(attribute='url') | list", []),
        ("edge.checks | selectattr('well') | rejectattr('cors.well') | list", []),
        ("edge.checks | selectattr('cors.wel') | list", ["edge.checks[].wel"]),
        ("edge.checks | map(attribute='stat') | list", ["edge.checks[].stat"]),
        ("edge.checks | sort(attribute='stat')", ["edge.checks[].stat"]),
        ("host.full | sum(attribute='mount_points', start=[]) | join", []),
        ("((app | default({})).text | default('')) ~ (log | default({})).signs.no_space", []),
        ("(app | default({})).txt", ["app.txt"]),
        ("rehearsal.steps.settings.databases.default.engine", []),
        ("rehearsal.steps.settings.databases['other'].motor", ["rehearsal.steps.settings.databases[].motor"]),
        ("edge['wel']", ["edge.wel"]),
        ("(log.timed_out_paths or proxy.stalled_paths) | first", []),
        ("(log.timed_out_paths or proxy.stalled_path) | first", ["proxy.stalled_path"]),
        ("(host.full if host.ful else host.read_only)[0].mount_point", ["host.ful"]),
        ("range(3) | list", []),
    ],
)
def test_expressions(source: str, unknown: list[str]) -> None:
    """What is unknown is reported by the name that was written."""
    reported = fact_check.in_expression(source)
    assert [line.split("'")[1] for line in reported] == unknown


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        ("{% for c in edge.checks if not c.well %}{{ loop.index }} {{ c.url }}{% endfor %}", []),
        ("{% for c in edge.checks %}{{ c.adress }}{% else %}{{ loop }}{% endfor %}", ["c.adress", "loop"]),
        ("{% set a = host.full | first %}{{ a.purposes | join }}{{ a.purpose }}", ["a.purpose"]),
        ("{% set a, b = 1, 2 %}{{ a }}{{ b }}", []),
        ("{% for name, text in database.versions.items() %}{{ name ~ text }}{% endfor %}", []),
        ("{% if edge.wel %}{{ stack.unit }}{% elif nosuch %}{% endif %}", ["edge.wel", "nosuch"]),
    ],
)
def test_texts(source: str, unknown: list[str]) -> None:
    """Loops and variables of a text's own are followed."""
    reported = fact_check.in_sentence(source)
    assert [line.split("'")[1] for line in reported] == unknown
