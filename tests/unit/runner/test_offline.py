"""Diagnosis of saved files: an incident, evidence alone, a bundle; and clear words where a file is none of these."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rescue502 import offline
from rescue502.cli import app
from tools import recordings

NAME = "code/syntax-error"
runner = CliRunner()


def bundle(path: Path, entries: dict[str, bytes]) -> Path:
    """An archive as the module bundle packs it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def saved(folder: Path, kind: str) -> Path:
    """The evidence in one of the forms that a run leaves behind."""
    evidence = recordings.evidence(NAME)
    if kind == "bundle":
        return bundle(folder / "b.tar.gz", {"bundle/a.txt": b"x", offline.IN_BUNDLE: json.dumps(evidence).encode()})
    incident = {"host": "web1", "outcome": "failed", "evidence": evidence}
    forms: dict[str, Any] = {"evidence": evidence, "incident": incident, "output": [incident]}
    path = folder / "saved.json"
    path.write_text(json.dumps(forms[kind]), encoding="utf-8")
    return path


def diagnosed(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and incident of an offline diagnosis."""
    done = runner.invoke(app, ["diagnose", "--json", *words])
    return done.exit_code, json.loads(done.output)


@pytest.mark.parametrize("kind", ["evidence", "incident", "output", "bundle"])
def test_each_form_is_read(tmp_path: Path, kind: str) -> None:
    """The same cause, and the exit code of a site that waits for approval."""
    code, incident = diagnosed("--evidence", str(saved(tmp_path, kind)))
    assert [cause["id"] for cause in incident["root_causes"]] == [NAME]
    assert (code, incident["outcome"]) == (3, "needs-approval")
    assert incident["host"] == ("web1" if kind in ("incident", "output") else incident["host"])


def test_an_approval_changes_the_plan(tmp_path: Path) -> None:
    """As it would on the host."""
    code, incident = diagnosed("--evidence", str(saved(tmp_path, "evidence")), "--approve", NAME)
    assert [action["remedy"] for action in incident["plan"]] == ["rollback_code", "restart"]
    assert (code, incident["outcome"], incident["awaiting"]) == (2, "planned", [])


def test_a_healthy_host_is_well(tmp_path: Path) -> None:
    """Exit code 0."""
    code, incident = diagnosed("--evidence", str(recordings.plain(recordings.HEALTHY, tmp_path)))
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{oops", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "holds 0 incidents"),
        (b"[{}, {}]", "holds 2 incidents"),
        (b"3", "neither an incident"),
        (b'{"evidence": 3}', "neither an incident"),
        (b'{"name": "package.json"}', "neither an incident"),
    ],
)
def test_a_file_of_another_kind_is_reported(tmp_path: Path, content: bytes, said: str) -> None:
    """Exit code 1, the file's name, and what is wrong with it."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    done = runner.invoke(app, ["diagnose", "--evidence", str(path)])
    assert done.exit_code == 1
    assert str(path) in done.output
    assert said in done.output


def test_a_bundle_without_evidence_is_reported(tmp_path: Path) -> None:
    """As one that an older version made."""
    path = bundle(tmp_path / "old.tar.gz", {"bundle/a.txt": b"x"})
    done = runner.invoke(app, ["diagnose", "--evidence", str(path)])
    assert (done.exit_code, "no bundle/evidence.json" in done.output) == (1, True), done.output


@pytest.mark.parametrize("name", ["no/such/file", "."])
def test_what_cannot_be_read_is_reported(tmp_path: Path, name: str) -> None:
    """A file that is not there, and a folder."""
    done = runner.invoke(app, ["diagnose", "--evidence", str(tmp_path / name)])
    assert (done.exit_code, "rescue502: " in done.output) == (1, True), done.output


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A compressed archive of just these members."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for member, data in members:
            member.size = member.size or len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    """An archive's entry."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def zeros(path: Path, mib: int, before: bytes = b"") -> Path:
    """A small file that unpacks to many zeros."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(before)
        for _ in range(mib):
            file.write(bytes(2**20))
    return path


def huge_header(path: Path) -> Path:
    """An archive whose first entry claims a name of four GiB, which a reader would keep in memory."""
    return zeros(path, 256, member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=4 * 2**30).tobuf())


GOOD = json.dumps(recordings.evidence(NAME)).encode()
HOSTILE_FILES: dict[str, Callable[[Path], Path]] = {
    "entries-that-lead-up": lambda path: packed(path, (member("../../up"), b"x"), (member("/etc/x"), b"x")),
    "a-link-for-the-evidence": lambda path: packed(
        path, (member(offline.IN_BUNDLE, tarfile.SYMTYPE, "/etc/shadow"), b"")
    ),
    "a-hard-link-for-the-evidence": lambda path: packed(
        path, (member(offline.IN_BUNDLE, tarfile.LNKTYPE, "../../etc/passwd"), b"")
    ),
    "a-device-for-the-evidence": lambda path: packed(path, (member(offline.IN_BUNDLE, tarfile.CHRTYPE), b"")),
    "a-folder-for-the-evidence": lambda path: packed(path, (member(offline.IN_BUNDLE, tarfile.DIRTYPE), b"")),
    "a-file-that-grows": lambda path: zeros(path, 512),
    "an-entry-that-grows": lambda path: zeros(path, 512, member(offline.IN_BUNDLE, size=512 * 2**20).tobuf()),
    "a-name-of-four-gibibytes": huge_header,
    "a-line-of-a-hundred-megabytes": lambda path: path.write_bytes(b'{"stack": "' + b"x" * 10**8 + b'"}') and path,
    "half-an-archive": lambda path: (
        path.write_bytes(packed(path, (member(offline.IN_BUNDLE), GOOD)).read_bytes()[:500]) and path
    ),
    "an-archive-with-errors": lambda path: (
        path.write_bytes(packed(path, (member(offline.IN_BUNDLE), GOOD)).read_bytes()[:-60] + b"x" * 60) and path
    ),
    "a-million-brackets": lambda path: path.write_bytes(b"[" * 10**6) and path,
    "bytes-that-are-no-text": lambda path: path.write_bytes(b'{"stack": "\xff\xfe"}') and path,
    "a-folder": lambda path: path.mkdir() or path,
    "nothing": lambda path: path.touch() or path,
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_is_refused(tmp_path: Path, name: str) -> None:
    """In little time and memory, with a line that says why; nothing is unpacked."""
    path = HOSTILE_FILES[name](tmp_path / "given")
    words = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));" + (
        "from rescue502.cli import main; sys.argv = ['rescue502', 'diagnose', '--evidence', sys.argv[1]]; main()"
    )
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", words, str(path)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert time.monotonic() - begun < 60
    assert done.returncode == 1, done.stderr[-800:]
    assert done.stderr.startswith("rescue502: "), done.stderr[-800:]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [path]
