# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installed packages whose files are gone, empty, cut short or for another processor, though pip takes them for whole.

A full disk, a crash of the machine or a hand that slipped leaves such files. What was merely edited, or stripped, may
be meant, and is not reported. Source: packaging.python.org, "Recording installed projects"; elf(5).
"""

from __future__ import annotations

import base64
import contextlib
import csv
import glob
import hashlib
import os
import re
import stat
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services.requirements_files import canonical

MANY = 50_000
MANY_PACKAGES = 5000
# Of a package for another processor each piece of machine code is one.
KEPT = 200
_METADATA = ".dist-info"
_MOST_BYTES = 2**28
# What makes an environment, and stands in no RECORD: Python's own, virtualenv's and uv's.
_OF_PYTHON = re.compile(
    r"^(pyvenv\.cfg|\.gitignore|\.lock|CACHEDIR\.TAG|bin/([Aa]ctivate[\w.]*|deactivate[\w.]*|python[\d.]*|pip[\d.]*"
    r"|pydoc[\w.]*))$|/site-packages/_virtualenv\.(py|pth)$|\.rescue502-\w+$"
)
# Digest and size of a file, as a RECORD has them.
_RECORDED = re.compile(r"(?:sha256=[\w-]{43}|sha384=[\w-]{64}|sha512=[\w-]{86})?,\d{0,15}")
_RECORD_BYTES = 8 * 2**20
_METADATA_BYTES = 2**18
_ELF_BYTES = 64
_ENDINGS = re.compile(r"(?:/__init__)?(?:\.py|\.[\w-]+\.so|\.so)$")


def damaged(venv: str) -> list[dict[str, Any]]:
    """The damaged modules of an environment, packages before what is in them, at most KEPT of them.

    Each {requirement, module, path, why, native}.

    requirement: the package in the version that is installed, as pip takes it. why: is missing, is empty, is cut
    short, or is for another processor. native: whether it is machine code, of which a piece crashes Python. Packages
    from elsewhere than an index are left out: by that name and version an index may have another one.
    """
    pattern = os.path.join(glob.escape(venv), "lib", "python*", "site-packages", "*.dist-info", "RECORD")
    records = (path for path in sorted(glob.glob(pattern)) if not os.path.lexists(_sibling(path, "direct_url.json")))
    files = ((record, *listed) for record in records for listed in _recorded(record))
    found = (_damage(record, name, size) for record, name, size in islice(files, MANY))
    # A torn package lacks thousands: the app fails on one of the first that it imports.
    return sorted((item for item in found if item), key=lambda item: (item["module"].count("."), item["path"]))[:KEPT]


def versions(venv: str) -> dict[str, str]:
    """Versions of what is installed in a virtual environment, by canonical name, known by the names of folders."""
    try:
        library = os.path.join(safe_files.resolve(venv), "lib") if venv else ""
    except OSError:
        return {}
    found: dict[str, str] = {}
    for python in _names(library):
        for name in _names(os.path.join(library, python, "site-packages")):
            # pip puts a tilde before what it is about to remove.
            if name.endswith(_METADATA) and not name.startswith("~"):
                package, _dash, version = name[: -len(_METADATA)].rpartition("-")
                found[canonical(package)] = version
    return dict(sorted(found.items())[:MANY_PACKAGES])


def remains(venv: str) -> list[str]:
    """What pip, killed while it replaced a package, has left of its metadata by a tilde, where the package is there.

    pip takes the first of the two that it meets for the package, and the tilde for no valid name: it sees neither then.
    """
    there = versions(venv)
    pattern = os.path.join(glob.escape(venv), "lib", "python*", "site-packages", f"~*{_METADATA}")
    return [path for path in sorted(glob.glob(pattern)) if canonical(_requirement(path).partition("==")[0]) in there]


def _names(folder: str) -> list[str]:
    """The names in a folder whose path has no links; none where it cannot be listed."""
    try:
        fd = safe_files.open_folder(folder)
    except OSError:
        return []
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)


def unrecorded(venv: str) -> Iterator[str]:
    """Paths, from the environment's folder on, of its files that neither Python nor an installer has put there so.

    What was edited since is among them: its digest differs from the recorded one. Bytecode is left out.
    """
    known = dict(digests(venv))
    for entry in safe_files.walk(venv, skip_names=frozenset({"__pycache__"})):
        name = os.path.relpath(entry.path, venv)
        if entry.is_dir or _OF_PYTHON.search(name):
            continue
        if name not in known or not (known[name] in ("", _digest(entry.path)) or name.startswith("bin/")):
            yield name


def digests(venv: str) -> Iterator[tuple[str, str]]:
    """(path from the environment's folder on, digest as RECORD writes it; empty where it has none) of each file."""
    pattern = os.path.join(glob.escape(venv), "lib", "python*", "site-packages", "*.dist-info", "RECORD")
    for record in glob.glob(pattern):
        try:
            rows = list(csv.reader(safe_files.text(record, _RECORD_BYTES).splitlines()))
        except (OSError, csv.Error):
            continue
        site = os.path.dirname(os.path.dirname(record))
        yield from ((os.path.relpath(os.path.join(site, row[0]), venv), row[1]) for row in rows if len(row) == 3)


def _digest(path: str) -> str:
    """A file's digest (packaging.python.org, "Recording installed projects"); no digest where it cannot be read."""
    try:
        return recorded_digest(safe_files.read_bytes(path, _MOST_BYTES))
    except OSError:
        return "unread"


def recorded_digest(content: bytes) -> str:
    """The digest of a content, as RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def is_record(content: bytes) -> bool:
    """Whether a content is a RECORD, and nothing else: it lists itself, by no digest, and each line is a file's."""
    try:
        rows = list(csv.reader(content.decode().splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return False
    fits = all(len(row) == 3 and row[0].isprintable() and _RECORDED.fullmatch(",".join(row[1:])) for row in rows)
    return fits and any(row[0].endswith(f"{_METADATA}/RECORD") and row[1:] == ["", ""] for row in rows)


def _sibling(record: str, name: str) -> str:
    return os.path.join(os.path.dirname(record), name)


def _damage(record: str, name: str, size: int) -> dict[str, Any]:
    """The damage of one file that a RECORD lists; empty where there is none."""
    information = os.path.dirname(record)
    path = os.path.join(os.path.dirname(information), name)
    why = _reason(path, size)
    if not why:
        return {}
    return {
        "requirement": _requirement(information),
        "module": _ENDINGS.sub("", name).replace("/", "."),
        "path": path,
        "why": why,
        "native": name.endswith(".so"),
    }


def _requirement(information: str) -> str:
    """The package and its version, of the folder with what is known of it.

    pip puts a tilde in place of the first letter while it replaces a package; where it was killed then, so it stays.
    """
    folder, _dash, version = os.path.basename(information)[: -len(_METADATA)].rpartition("-")
    if folder.startswith("~"):
        with contextlib.suppress(OSError):
            said = safe_files.text(os.path.join(information, "METADATA"), _METADATA_BYTES)
            name = re.search(r"^Name: ([A-Za-z0-9][\w.-]*)$", said, re.MULTILINE)
            if name and canonical(name.group(1))[1:] == canonical(folder[1:]):
                folder = name.group(1)
    return f"{folder}=={version}"


def _recorded(record: str) -> Iterator[tuple[str, int]]:
    """(name, size in bytes) of each module that a RECORD lists; one that cannot be read lists none."""
    try:
        rows = list(csv.reader(safe_files.text(record, _RECORD_BYTES).splitlines()))
    except (OSError, csv.Error):
        return
    for row in rows:
        if len(row) == 3 and re.match(r"^\d{1,15}$", row[2]) and _ENDINGS.search(row[0]) and _is_below(row[0]):
            yield row[0], int(row[2])


def _is_below(name: str) -> bool:
    """Whether a name that somebody wrote down leads to a file in the same folder or below it."""
    return name.isprintable() and not name.startswith("/") and ".." not in name.split("/")


def _reason(path: str, size: int) -> str:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except OSError:
        return ""
    if not stat.S_ISREG(status.st_mode) or not size:
        return ""
    if not status.st_size:
        return "is empty"
    if not path.endswith(".so"):
        return ""
    head = _elf_head(path)
    if head and _machine(head) != _machine(_elf_head("/proc/self/exe")):
        return "is for another processor"
    return "is cut short" if status.st_size < _elf_end(head) else ""


def _elf_head(path: str) -> bytes:
    """The head of an ELF file of 64 bits; empty of another one, which is let be."""
    try:
        own = path.startswith("/proc/self/")
        with open(path, "rb") if own else os.fdopen(safe_files.open_entry(path), "rb") as file:
            head = file.read(_ELF_BYTES)
    except OSError:
        return b""
    return head if head[:4] == b"\x7fELF" and len(head) == _ELF_BYTES and head[4] == 2 else b""


def _machine(head: bytes) -> bytes:
    """The byte order and the processor that it is made for."""
    return head[5:6] + head[18:20]


def _elf_end(head: bytes) -> int:
    """Where an ELF file's table of sections ends, in bytes, which is the end of the file; 0 where it is none."""
    if not head:
        return 0
    order = "<" if head[5] == 1 else ">"
    (start,) = struct.unpack_from(order + "Q", head, 40)
    size, count = struct.unpack_from(order + "HH", head, 58)
    return int(start + size * count)
