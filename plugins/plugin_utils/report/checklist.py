# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runbook's checklist, answered from evidence: what a person used to look up by hand, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import unread
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Row

# name, condition for "ok", sentence; a condition that is unknown leaves the row "unknown".
_ROWS = (
    (
        "service active",
        "service.unit.active_state == 'active' and service.unit.sub_state == 'running'",
        "{{ service.unit.name }} is {{ service.unit.active_state }} ({{ service.unit.sub_state }})"
        "{% if service.unit.result not in ['', 'success'] %}, result {{ service.unit.result }}{% endif %}",
    ),
    (
        "gunicorn running",
        "service.processes | length > 0",
        "{{ service.processes | length or 'no' }} process{{ '' if service.processes | length == 1 else 'es' }}",
    ),
    (
        "port listening",
        "service.listening and service.foreign | length == 0",
        "{% for bind in service.binds %}{{ bind.path or (bind.host ~ ':' ~ bind.port) }}: "
        "{% if bind.listeners %}{{ bind.listeners[0].unit or bind.listeners[0].command }}{% else %}nobody{% endif %}"
        "{% if not loop.last %}; {% endif %}{% endfor %}",
    ),
    (
        "health answering",
        "service.backend.well",
        "{{ service.backend.name }}: {{ service.backend.problem or service.backend.status }}",
    ),
    (
        "log free of errors in this invocation",
        "log.errors | length == 0",
        "{{ log.errors[-1] if log.errors else 'no errors' }}",
    ),
    (
        "permissions right",
        "not (files.violations.values() | map('length') | sum)",
        "{% set bad = files.violations.values() | sum(start=[]) %}"
        "{{ bad[0].path ~ ': ' ~ bad[0].problem if bad else 'owners and modes fit' }}",
    ),
    (
        "database reachable",
        "database.answered",
        "{% if database.answered %}{{ database.versions.values() | first | default('answers') | truncate(60) }}"
        "{% else %}{{ database.error.message | truncate(160) }}{% endif %}",
    ),
    (
        "variables set",
        "environment.missing | length == 0 and environment.problems | length == 0"
        " and not (app.error and app.error.env_key)",
        "{% if environment.missing %}{{ environment.missing | join(', ') }} is missing"
        "{% elif app.error and app.error.env_key %}{{ app.error.env_key }} is not set"
        "{% else %}{{ environment.names | length }} variables{% endif %}",
    ),
    (
        "dependencies installed",
        "rehearsal.steps.requirements.problems | length == 0 and rehearsal.steps.requirements.checked",
        "{% set bad = rehearsal.steps.requirements.problems %}"
        "{{ bad | map(attribute='name') | join(', ') ~ ' not as required' if bad "
        "else rehearsal.steps.requirements.installed ~ ' packages' }}",
    ),
    (
        "CORS origin allowed",
        "edge.checks | length > 0 and edge.cors_blocked | length == 0 and edge.well",
        "{% if not edge.origin %}no origin configured{% elif edge.cors_blocked %}"
        "{{ edge.origin }} is not allowed on {{ edge.cors_blocked | join(', ') }}"
        "{% if not edge.well %} (an error page carries no CORS header: a symptom){% endif %}"
        "{% else %}{{ edge.origin }}{% endif %}",
    ),
    (
        "edge answering",
        "edge.well",
        "{% for check in edge.checks %}{{ check.name }}: {{ check.problem or check.status }}"
        "{% if not loop.last %}; {% endif %}{% endfor %}",
    ),
)


def prepare() -> None:
    """Compile the rows' conditions and sentences, for all that this process forks."""
    expressions.compile_ahead((source for _name, source, _text in _ROWS), (text for _name, _source, text in _ROWS))


def checklist(evidence: dict[str, Any]) -> list[Row]:
    """Rows {name, state, detail}; state is ok, bad or unknown. evidence: as the diagnosis prepared it."""
    rows: list[Row] = []
    lacking = unread.facts(evidence)
    for name, source, text in _ROWS:
        holds = expressions.value(source, evidence)
        state = "unknown" if holds is None else ("ok" if holds else "bad")
        detail = _why_unknown(source, lacking) if holds is None else expressions.sentence(text, evidence)
        rows.append({"name": name, "state": state, "detail": detail})
    return rows


def _why_unknown(source: str, lacking: Iterable[str]) -> str:
    return "could not be read without root" if unread.concerns(source, lacking) else "not looked at"
