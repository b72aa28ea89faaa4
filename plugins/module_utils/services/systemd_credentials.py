# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd credentials: what a unit's LoadCredential= and SetCredential= would hand to its processes (systemd.exec(5)).

`systemctl show` does not print them, so the unit's own files are read, as systemd would.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, unread

STORES = ("/etc/credstore", "/run/credstore", "/usr/lib/credstore")
ENCRYPTED_STORES = ("/etc/credstore.encrypted", "/run/credstore.encrypted", "/usr/lib/credstore.encrypted")
DECRYPT_SECONDS = 5.0


def read(properties: dict[str, str]) -> tuple[dict[str, bytes], list[str]]:
    """The unit's credentials by name, and the sources that could not be read. properties: from systemd.show().

    What only this account may not read is not one of the latter: see barred().
    """
    found: dict[str, bytes] = {}
    missing: list[str] = []
    for kind, value in _settings(properties):
        name, _colon, source = value.partition(":")
        if kind == "SetCredential":
            found.setdefault(name, source.encode())
            continue
        path = _path(source or name, ENCRYPTED_STORES if kind.endswith("Encrypted") else STORES)
        try:
            found[name] = _decrypted(name, path) if kind.endswith("Encrypted") else _content(path)
        except (OSError, subprocess.SubprocessError):
            if name not in found and not _bar(kind, path):
                missing.append(path)
    return found, missing


def barred(properties: dict[str, str]) -> list[unread.Unread]:
    """The unit's credentials that this account may not read."""
    places = [
        (kind, _path(value.partition(":")[2] or value, ENCRYPTED_STORES if kind.endswith("Encrypted") else STORES))
        for kind, value in _settings(properties)
        if kind != "SetCredential"
    ]
    return [unread.Unread(f"the credential {path}", why) for kind, path in places if (why := _bar(kind, path))]


def _bar(kind: str, path: str) -> str:
    """Why this account may not read a credential; the key of encrypted ones is root's (systemd-creds(1))."""
    if kind.endswith("Encrypted") and os.geteuid() != 0 and os.path.exists(path):
        return f"{unread.account()} may not decrypt it"
    return unread.sealed(path)


def _settings(properties: dict[str, str]) -> list[tuple[str, str]]:
    """(setting, value) of each credential line of the unit's file and drop-ins; an empty value forgets earlier ones."""
    kinds = ("LoadCredential", "LoadCredentialEncrypted", "SetCredential")
    found: list[tuple[str, str]] = []
    for path in [properties.get("FragmentPath", ""), *properties.get("DropInPaths", "").split()]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line.strip() for line in file]
        except OSError:
            continue
        for line in lines:
            kind, equals, value = line.partition("=")
            if equals and kind.strip() in kinds:
                kind = kind.strip()
                found = [*found, (kind, value.strip())] if value.strip() else [x for x in found if x[0] != kind]
    return found


def _path(source: str, stores: tuple[str, ...]) -> str:
    if source.startswith("/"):
        return source
    places = [os.path.join(store, source) for store in stores]
    return next((place for place in places if os.path.exists(place)), places[0])


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(2**20)


def _decrypted(name: str, path: str) -> bytes:
    command = ["systemd-creds", "decrypt", f"--name={name}", path, "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=DECRYPT_SECONDS).stdout


@contextlib.contextmanager
def folder(credentials: dict[str, bytes], user: str, group: str | None) -> Iterator[dict[str, str]]:
    """The variables that lead the app to its credentials, for as long as the block runs; none where it has none.

    The folder is in memory, for that user alone, and is gone afterwards. KeyError where the account does not exist.
    """
    if not credentials:
        yield {}
        return
    uid, gid, _groups = accounts.account_ids(user, group)
    path = tempfile.mkdtemp(prefix="rescue502-credentials-", dir=_in_memory())
    try:
        for name, content in credentials.items():
            file = os.path.join(path, os.path.basename(name))
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as opened:
                opened.write(content)
            os.chown(file, uid, gid)
        os.chmod(path, 0o500)
        os.chown(path, uid, gid)
        yield {"CREDENTIALS_DIRECTORY": path}
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _in_memory() -> str | None:
    """A folder in memory that this account may write to; None where there is none."""
    return next((path for path in ("/run", "/dev/shm") if os.access(path, os.W_OK)), None)
