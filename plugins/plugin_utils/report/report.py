# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An incident for people: as lines for a terminal, as Markdown for a ticket, as a page for a browser. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record, recent_changes
from ansible_collections.rescue502.django.plugins.plugin_utils.report import awx_job, conclusion, unexplained_words
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean_tree
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

TEMPLATES = Path(__file__).parent / "templates"
# The chain that a request goes through, and the layers whose findings break each link.
CHAIN = (
    ("Browser", ("edge",)),
    ("nginx", ("proxy",)),
    ("gunicorn", ("service", "host")),
    ("Django", ("files", "environment", "dependencies", "code", "schema")),
    ("PostgreSQL", ("database",)),
)
MARKS = {"ok": "✓", "bad": "✗", "unknown": "?", "open": "·"}


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _view(incident: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates show: the incident cleaned and complete, and what is derived from it."""
    view: dict[str, Any] = {**incident_record.new()}
    view.update(clean_tree(incident))
    causes = [item["id"] for item in view["root_causes"]]
    broken = {name.partition("/")[0] for name in causes}
    view["chain"] = [{"name": name, "broken": bool(broken & set(layers))} for name, layers in CHAIN]
    view["open"] = [item for item in view["findings"] if _is_open(item)]
    effects = [item for item in view["findings"] if item.get("explained_by") and item not in view["open"]]
    view["effects"] = effects
    view["seen_too"] = [
        item for item in view["findings"] if item.get("symptom") and item not in (*effects, *view["open"])
    ]
    by_id = {item["id"]: item for item in view["findings"]}
    view["causes"] = [{**by_id.get(item["id"], {}), **item} for item in view["root_causes"]]
    view["also_found"] = [{**by_id.get(item["id"], {}), **item} for item in view["also_found"]]
    for item in (*view["findings"], *view["causes"], *view["also_found"]):
        item["known_how"] = _known(item)
    view["before"] = (view["edge"].get("before") or {}).get("summary", "not asked")
    view["after"] = (view["edge"].get("after") or {}).get("summary", "not asked")
    well = bool((view["edge"].get("after") or view["edge"].get("before") or {}).get("well"))
    view["unexplained"] = unexplained_words.heard(view["evidence"], causes, well)
    view["lacks_root"] = not (view["evidence"].get("probe") or {}).get("root")
    view["since"] = recent_changes.summary(view["evidence"])
    view["marks"] = MARKS
    view["done"] = "Would be done, nothing was changed" if view["check"] else "Done"
    view["changed"] = "would change" if view["check"] else "changed"
    view["undo"] = awx_job.undo(view["incident"], view["awx"]) if conclusion.can_be_undone(view) else ""
    view["run"] = awx_job.words(view["awx"])
    view["in_survey"] = {item["id"]: awx_job.approval(item, view["host"]) for item in view["awaiting"]}
    view["evidence_text"] = json.dumps(view["evidence"], indent=1, ensure_ascii=False, default=str)
    return view


def _is_open(finding: dict[str, Any]) -> bool:
    """Whether something that could not be read may explain a finding, and nothing that was found does."""
    explained = finding.get("explained_by") or finding.get("symptom")
    return bool(finding.get("perhaps_explained_by")) and not explained


def _known(finding: dict[str, Any]) -> str:
    """How a finding is known, in words; empty of a record that does not say."""
    experiment = finding.get("experiment")
    return f"tried: {experiment}" if experiment else str(finding.get("known") or "")


def render_text(incident: Mapping[str, Any], page: str = "") -> str:
    """Plain lines for a terminal. page: where the page for a browser lies."""
    return _environment().get_template("incident.txt.j2").render(_view(incident), page=page).rstrip()


def render_markdown(incident: Mapping[str, Any]) -> str:
    """Markdown for a ticket or a chat."""
    return _environment().get_template("incident.md.j2").render(_view(incident))


def render_html(incident: Mapping[str, Any]) -> str:
    """One self-contained page: no scripts, nothing loaded from elsewhere, host text escaped."""
    return _environment().get_template("incident.html.j2").render(_view(incident))
