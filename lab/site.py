"""A lab host as a user meets it: with an inventory, and playbooks to run on it; and what two snapshots differ in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode, load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record

import lab
from lab import playbook
from lab.shape import Shape

# Long enough to catch a crash loop, short enough for a hundred hosts; the default of 5 has a test of its own.
HOLD_SECONDS = 2


@dataclass
class Run:
    """A playbook that runs, and the folder for its reports and its output."""

    process: playbook.Playbook
    reports: Path

    def output(self) -> str:
        """Its output so far."""
        return (self.reports / "output").read_text(encoding="utf-8", errors="replace")


@dataclass
class Site:
    """A lab host with an inventory, and a way to run our playbooks on it."""

    host: lab.Host
    folder: Path
    full: bool = True
    # What else the user has set.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> Shape:
        """The kind of host."""
        return self.host.shape

    def play(self, name: str, *words: str, **variables: Any) -> tuple[int, Record, str]:
        """Run a playbook: (return code, the incident that it wrote, its output)."""
        return self.finish(self.begin(name, *words, **variables))

    def begin(self, name: str, *words: str, **variables: Any) -> Run:
        """Start a playbook, as the leader of its own process group, and do not wait for it."""
        reports = self.folder / f"reports-{len(list(self.folder.iterdir()))}"
        reports.mkdir()
        extra = {"rescue502_reports": str(reports), "rescue502_hold_seconds": HOLD_SECONDS, **self.extra, **variables}
        command = ["-i", str(self.inventory()), f"playbooks/{name}.yml", "-e", json.dumps(extra), *words]
        process = playbook.begin(command, reports / "output")
        return Run(process, reports)

    def finish(self, run: Run) -> tuple[int, Record, str]:
        """Wait for a playbook: (return code, the incident that it wrote, its output)."""
        code = run.process.wait()
        written = list(run.reports.glob(f"*/{self.host.name}.json"))
        incident: Any = json.loads(written[0].read_text(encoding="utf-8")) if written else {}
        return code, incident, run.output()

    def rescue502(self, command: str, *words: str, reports: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the runner on this host. reports: whether it is one that writes any."""
        options = ["-i", str(self.inventory())]
        options += ["--reports", str(self.folder / "reports-of-the-runner")] if reports else []
        return subprocess.run(
            [sys.executable, "-m", "rescue502.cli", command, *words, *options],
            cwd=self.folder,
            env=os.environ | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def inventory(self) -> Path:
        """An inventory of this host alone."""
        path = self.folder / "hosts.yml"
        hosts = {"django": {"hosts": {self.host.name: self.host.inventory(self.full)}}}
        path.write_text(yaml.safe_dump(hosts), encoding="utf-8")
        return path

    def neighbour(self) -> str:
        """The other site's invocation and what it answers; the same text as long as nobody touched it."""
        if not self.shape.neighbour:
            return ""
        ask = "curl -s -H Host:billing.example http://127.0.0.1:8001/health/"
        return self.host.run(f"systemctl show -P InvocationID billing; {ask}", check=False).stdout


def put(host: lab.Host, path: str, text: str) -> None:
    """Write a file on a host, byte by byte as it is."""
    host.put(path, text.encode("utf-8", "surrogateescape"))


_FULL_LOOK = (
    "files/media-elsewhere", "files/static-behind", "files/translations-missing", "files/compressed-copy-old",
    "proxy/static-not-served",
)  # fmt: skip


def _is_quiet(fault: str) -> bool:
    """Whether a fault of the database's takes no page down."""
    mode = load().modes.get(fault)
    return mode is not None and mode.layer in ("database", "schema") and mode.edge == "200"


def settings_for(fault: str, shape: Shape) -> dict[str, Any]:
    """The further variables that a user must have set for this fault to be reported."""
    if fault in _FULL_LOOK or fault.startswith("edge/csrf-") or _is_quiet(fault):
        # Django and the database are asked by a full look only, where the edge is well.
        return {"rescue502_level": "full"}
    if fault in ("edge/not-from-outside", "edge/otherwise-from-outside"):
        # An address that means the same on the controller.
        url = "http://{{ ansible_host }}/health/"
        return {"rescue502_edge": [{"url": url, "host": shape.server_name, "verify_tls": False}]}
    if fault == "proxy/answers-in-its-place":
        # Only who wants more than a status sees that there is no content.
        checks = shape.careful_settings()["rescue502_edge"]
        return {"rescue502_edge": [{**checks[0], "url": f"http://127.0.0.1{shape.api_path}", "json": ["results"]}]}
    if fault == "proxy/file-not-served":
        checks = shape.careful_settings()["rescue502_edge"]
        return {"rescue502_edge": [*checks, {**checks[0], "url": "http://127.0.0.1/static/site.css", "cors": False}]}
    if fault == "proxy/request-too-long":
        checks = shape.careful_settings()["rescue502_edge"]
        return {"rescue502_edge": [{**checks[0], "url": f"http://127.0.0.1/health/?q={'0' * 700}"}]}
    if fault in ("service/other-manager", "service/app-not-found"):
        # Who names a unit has it looked for.
        return {"rescue502_unit": ""}
    if fault not in ("edge/tls-name-mismatch", "edge/tls-untrusted", "proxy/certificate-not-reloaded"):
        return {}
    # Only who wants certificates verified gets a report; the lab's own is signed by nobody.
    checks = shape.careful_settings()["rescue502_edge"]
    return {"rescue502_edge": [{**check, "verify_tls": True} for check in checks]}


def differences(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Paths, tables and units that differ between two snapshots."""
    found = set()
    for kind in ("files", "tables", "enabled"):
        before, after = old[kind], new[kind]
        if before is None or after is None:
            # PostgreSQL is down in one of them: its rows are compared when it is up again.
            continue
        # None of a table that could not be read: somebody had it locked.
        pairs = {name: (before.get(name, ""), after.get(name, "")) for name in before.keys() | after.keys()}
        found |= {f"{kind}:{name}" for name, (a, b) in pairs.items() if a != b and None not in (a, b)}
    return found


def named(incident: Record) -> list[str]:
    """Ids of all that nothing explains: of the root causes, and of what was also found."""
    return sorted(item["id"] for item in [*incident["root_causes"], *incident["also_found"]])


def to_approve(mode: FailureMode) -> list[str]:
    """What a user approves so that a failure mode is repaired: nothing where it is an outage that is safe to repair."""
    unasked = mode.severity == "outage" and (mode.risk == "safe" or mode.safe_when)
    return [mode.id] if mode.remedy and mode.risk != "never" and not unasked else []


def also_found(incident: Record) -> list[str]:
    """Ids of what nothing explains and what takes no site down."""
    return sorted(item["id"] for item in incident["also_found"])


def may_change(remedy: str, shape: Shape) -> list[str]:
    """Patterns of what a remedy may change besides what the fault had changed, as the differences name it."""
    places = {"root": shape.root, "venv": shape.venv, "unit": shape.unit}
    patterns = ["/etc/monit/*"] if remedy == "monit" else remedies.get(remedy).also_changes
    return [
        pattern.format(**places) if pattern.startswith("tables:") else f"files:{pattern.format(**places)}"
        for pattern in patterns
    ]


def outside(changed: set[str], names: list[str], shape: Shape) -> set[str]:
    """Of what changed, what none of the remedies may touch."""
    patterns = [pattern for name in names for pattern in may_change(name, shape)]
    return {item for item in changed if not any(fnmatchcase(item, pattern) for pattern in patterns)}
