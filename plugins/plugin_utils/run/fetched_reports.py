# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports that hosts have kept, taken into the controller's reports folder. A host may answer anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import incident_record
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident, RecordError

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


def save(folder: Path, host: str, found: Any) -> Path:
    """Write a report and its pages, as the run itself would have: where its record is.

    host: its name in the inventory, which counts and not what it calls itself. One that the controller has already
    stays as it is. RecordError where it is not a record, or a link stands in the place of what is ours.
    """
    name = str(found.get("incident")) if isinstance(found, dict) else ""
    if not _ID.fullmatch(name):
        raise RecordError(f"what {host} has kept is not a valid incident record")
    incident = Incident(folder, name, host, "recover")
    if incident.path.exists():
        return incident.path
    incident.data = cast(Record, {**incident_record.new(), **found, "host": host, "incident": name})
    try:
        pages = {".html": report.render_html(incident.data), ".md": report.render_markdown(incident.data)}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RecordError(f"what {host} has kept of {name} is not a valid incident record") from error
    incident.save()
    for suffix, text in pages.items():
        atomic_write.replace(str(incident.path.with_suffix(suffix)), text.encode())
    return incident.path
