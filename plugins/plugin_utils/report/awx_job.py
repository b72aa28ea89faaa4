# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run that is a job of AWX's: what AWX says of it, and what a person does there, in AWX's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean

# What AWX gives each job as extra variables, by its name here; older ones of it say tower_.
VARIABLES = {
    "job": "job_id",
    "template": "job_template_name",
    "schedule": "schedule_name",
    "user": "user_name",
    "workflow": "workflow_job_name",
}
LONGEST = 200


def read(variables: Mapping[str, Any]) -> dict[str, str]:
    """{job, template, schedule, user, workflow}, each where AWX gives it; empty of any other run.

    variables: of a host, as they are given. They are text: nothing in them is rendered.
    """
    found = {name: _given(variables, variable) for name, variable in VARIABLES.items()}
    return {name: text for name, text in found.items() if text} if found["job"] else {}


def words(job: Mapping[str, str]) -> str:
    """Such as: AWX job 17 (rescue502 recover), started by the schedule every 5 minutes. Empty of any other run."""
    if not job:
        return ""
    template = f" ({job['template']})" if job.get("template") else ""
    workflow = f", in the workflow {job['workflow']}" if job.get("workflow") else ""
    # AWX also gives the user who made the schedule.
    by = next((f", started by the {what} {job[what]}" for what in ("schedule", "user") if job.get(what)), "")
    return f"AWX job {job['job']}{template}{workflow}{by}"


def undo(incident: str, job: Mapping[str, str]) -> str:
    """How what an incident changed is taken back: a command, or what to do in AWX."""
    if not job:
        return f"rescue502 undo {incident}"
    return f"in AWX, launch the undo template with rescue502_undo={incident}"


def approval(item: Mapping[str, Any], host: str) -> str:
    """What is written into AWX's survey. There an approval names its host: a template may have others too."""
    name = str(item.get("approval") or item["id"])
    return name if "@" in name else f"{name}@{host}"


def _given(variables: Mapping[str, Any], name: str) -> str:
    for prefix in ("awx", "tower"):
        value = variables.get(f"{prefix}_{name}")
        if value not in (None, ""):
            return " ".join(clean(str(value), LONGEST).split())
    return ""
