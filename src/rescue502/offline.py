"""Diagnose what a run has left behind: an incident, a host's evidence alone, or a bundle that holds it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import diagnosis, incident_record, plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.record_look import take_in
from ansible_collections.rescue502.django.plugins.plugin_utils.report.checklist import checklist
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import judge
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean

IN_BUNDLE = "bundle/evidence.json"
# Far more than a look ever brings back; a bundle may come from anywhere.
LIMIT = 16 * 2**20
GZIP = b"\x1f\x8b"
# A look at a host has at least one of these.
SECTIONS = ("stack", "edge", "service", "probe")


class EvidenceError(Exception):
    """The file is none that a diagnosis could be made from; the text says why."""


@dataclass(frozen=True)
class Recorded:
    """Evidence from a file, and the host that it is of."""

    host: str
    evidence: dict[str, Any]


def read(path: Path) -> Recorded:
    """The content of a file. EvidenceError where it cannot be read, or holds no evidence."""
    try:
        data = _unpacked(path)
        file = io.BytesIO(data)
        data = _from_bundle(file) if tarfile.is_tarfile(file) else data
        loaded = _load(data)
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise EvidenceError(f"{path}: {error}") from error
    except EvidenceError as error:
        raise EvidenceError(f"{path}: {error}") from error
    recorded = _recorded(loaded, path)
    if not any(isinstance(recorded.evidence.get(name), dict) for name in SECTIONS):
        raise EvidenceError(
            f"{path}: neither an incident, nor evidence, nor a bundle: it has no section of: {', '.join(SECTIONS)}"
        )
    return recorded


def _unpacked(path: Path) -> bytes:
    """The file's content, decompressed: never more than could be evidence, whatever size it names."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    with gzip.open(path) if packed else path.open("rb") as content:
        data = content.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise EvidenceError(f"larger than {LIMIT // 2**20} MiB, which no look at a host is")
    return data


def _from_bundle(file: io.BytesIO) -> bytes:
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if member.name == IN_BUNDLE and member.isreg():
                opened = archive.extractfile(member)
                return opened.read(LIMIT) if opened else b""
    raise EvidenceError(f"the archive has no {IN_BUNDLE}: make a bundle with this version, or give an incident's .json")


def _load(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"not JSON: {error}") from error


def _recorded(data: Any, path: Path) -> Recorded:
    """An incident's evidence is that of its first look. `rescue502 diagnose --json` prints a list of incidents."""
    if isinstance(data, list):
        if len(data) != 1:
            raise EvidenceError(f"{path}: holds {len(data)} incidents: give one host's")
        data = data[0]
    if not isinstance(data, dict):
        raise EvidenceError(f"{path}: neither an incident, nor evidence, nor a bundle")
    facts = data.get("evidence", data)
    host = clean(str(data.get("host")), 200) if "evidence" in data else path.name
    return Recorded(host, facts if isinstance(facts, dict) else {})


def diagnose(recorded: Recorded, known: Catalogue, approved: Iterable[str] = ()) -> Record:
    """The incident that a diagnosis of the host would have written when the evidence was recorded. Pure."""
    found = diagnosis.diagnose(recorded.evidence, known)
    record = incident_record.new(recorded.host, "diagnose")
    take_in(record, found, plan.make(found, approved), checklist(found.evidence))
    record["outcome"], record["message"] = judge(record, check_mode=False)
    return record
