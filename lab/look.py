"""The product's own probe on a lab host without a play, and the diagnosis of what it found.

A play adds a connection, a module's packing and a report, which tests of those show. Of a failure mode that nothing
here may repair, the evidence and what is made of it are all that is to be shown; that takes half the time.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.probe.options import OPTIONS
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose

from lab.host import Host
from lab.podman import LabError

PACKAGE = "ansible_collections/rescue502/django/plugins/module_utils"
SOURCE = Path(__file__).parents[1] / "plugins" / "module_utils"
# Reproduced by way of sudo, or asked from the controller too, which only a play goes through.
PLAYED = {"host/clock-skew", "edge/not-from-outside", "edge/otherwise-from-outside"}
PLACE = "/dev/shm/rescue502-lab-probe.zip"
RUN = f"""
import json, sys
sys.path.insert(0, {PLACE!r})
from ansible_collections.rescue502.django.plugins.module_utils.probe.probe import probe
print(json.dumps(probe(json.load(sys.stdin))))
"""


def look(host: Host, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """The evidence of a host, all of it looked at. settings: `rescue502_*` variables besides the careful user's.

    LabError where the probe did not come to its end.
    """
    host.put(PLACE, _packed())
    given = {"rescue502_unit": host.shape.unit, **host.shape.careful_settings(), **(settings or {})}
    options = {name: option.get("default") for name, option in OPTIONS.items()}
    options |= {name: given[f"rescue502_{name}"] for name in OPTIONS if f"rescue502_{name}" in given}
    checks = OPTIONS["edge"]["options"]
    options["edge"] = [
        {name: check.get(name, checks[name].get("default")) for name in checks} for check in options["edge"]
    ]
    done = host.inside(["python3", "-c", RUN], stdin=json.dumps({**options, "level": "full"}))
    if done.returncode:
        raise LabError(f"the probe failed on {host.name}: {done.stderr.strip()[-800:]}")
    evidence: dict[str, Any] = json.loads(done.stdout)
    # As the diagnose task does: the controller's clock and the host's.
    evidence["probe"]["received"] = datetime.now(UTC).isoformat(timespec="seconds")
    return evidence


def diagnosed(host: Host, catalogue: Catalogue, settings: dict[str, Any] | None = None) -> Diagnosis:
    """The diagnosis of a host's evidence."""
    return diagnose(look(host, settings), catalogue)


@cache
def _packed() -> bytes:
    """The code for targets, as a zip that Python imports from."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {f"{PACKAGE}/{path.relative_to(SOURCE)}": path.read_bytes() for path in SOURCE.rglob("*.py")}
        folders = {str(folder) for name in files for folder in Path(name).parents if str(folder) != "."}
        for name, content in {**{f"{folder}/__init__.py": b"" for folder in folders}, **files}.items():
            archive.writestr(name, content)
    return buffer.getvalue()
