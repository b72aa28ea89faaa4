# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""User and group numbers that are not accounts of this host: asked of the name service, whose errors are no answer.

Python's pwd raises KeyError for a number that nobody has and for a directory that does not answer alike.
getpwuid_r(3) tells the two apart, but only for the last service of nsswitch.conf(5): one before it that failed is
passed over. So what keeps accounts elsewhere is asked alone.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import re
import subprocess
import sys

# Answers: who has the number; nobody; nobody as far as can be seen from here; and no answer.
KNOWN, ABSENT, ABSENT_HERE, UNKNOWN = "known", "absent", "absent here", "unknown"
# The numbers that useradd(8), adduser(8) and systemd-sysusers(8) give to accounts. Below are the distributions' own
# fixed ones; above those of homed, containers, user namespaces and DynamicUser= (systemd's UIDS-GIDS.md).
_FIRST, _END = 100, 60_000
_CALLS = {"passwd": "getpwuid_r", "group": "getgrgid_r"}
# Services of nsswitch.conf(5) that look at this host alone.
_LOCAL = {"files", "systemd", "altfiles", "extrausers", "db", "mymachines", "compat"}
_SECONDS = 10.0
_SMALLEST, _LARGEST = 2**14, 2**22
# The same question to one service's own library, in a process of its own: what others have written is not loaded here.
# Its answer is an nss_status (nss.h): 1 is found, 0 is not found, a negative one is no answer.
_ASK_ONE = """
import ctypes, sys
service, call, number = sys.argv[1:]
ask, error = getattr(ctypes.CDLL(f"libnss_{service}.so.2"), f"_nss_{service}_{call}"), ctypes.c_int()
status, size = -2, 2 ** 14
while status == -2 and size <= 2 ** 22:
    text, record = ctypes.create_string_buffer(size), ctypes.create_string_buffer(512)
    status = ask(ctypes.c_uint(int(number)), record, text, ctypes.c_size_t(size), ctypes.byref(error))
    size *= 4
sys.exit({1: 10, 0: 11}.get(status, 1))
"""


def look_up(database: str, number: int) -> str:
    """KNOWN, ABSENT, ABSENT_HERE or UNKNOWN. database: `passwd` for the number of a user, `group` for that of a group.

    ABSENT_HERE: no service has it, and one of them keeps accounts elsewhere, such as LDAP: it may not show all of them.
    """
    answer = _ask(database, number)
    if answer != ABSENT:
        return answer
    for service in (remote := _remote_services(database)):
        answer = _ask_one(database, service, number)
        if answer != ABSENT:
            return answer
    return ABSENT_HERE if remote else ABSENT


def is_of_an_account(number: int) -> bool:
    """Whether a number is one that accounts are given, and none of a container's or a user namespace's (subuid(5))."""
    if not _FIRST <= number < _END:
        return False
    return not any(start <= number < start + count for start, count in _subordinate())


def is_in_use(uid: int) -> bool:
    """Whether a process runs by this number: a container's, or a unit's with a number in the place of a name."""
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            if os.stat(folder).st_uid == uid:
                return True
        except OSError:
            continue
    return False


def _ask(database: str, number: int) -> str:
    """The name service as a whole."""
    try:
        call = getattr(ctypes.CDLL(None), _CALLS[database])
    except (OSError, AttributeError):
        return UNKNOWN
    size, failed, found = _SMALLEST, errno.ERANGE, ctypes.c_void_p()
    while failed in (errno.ERANGE, errno.EINTR) and size <= _LARGEST:
        text = ctypes.create_string_buffer(size)
        record = ctypes.create_string_buffer(512)
        failed = call(ctypes.c_uint(number), record, text, ctypes.c_size_t(size), ctypes.byref(found))
        size *= 4
    if failed:
        return UNKNOWN
    return KNOWN if found.value else ABSENT


def _ask_one(database: str, service: str, number: int) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _ASK_ONE, service, _CALLS[database], str(number)],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN
    return {10: KNOWN, 11: ABSENT}.get(done.returncode, UNKNOWN)


def _remote_services(database: str) -> list[str]:
    """The services of nsswitch.conf(5) that keep accounts elsewhere."""
    try:
        with open("/etc/nsswitch.conf", encoding="utf-8", errors="replace") as file:
            line = re.search(rf"^\s*{database}\s*:([^#\n]*)", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return []
    except OSError:
        return ["nsswitch.conf"]
    # Without its actions, such as [NOTFOUND=return].
    services = re.sub(r"\[[^]]*\]", " ", line.group(1)).split() if line else []
    return [name for name in dict.fromkeys(services) if not _is_local(name, database)]


def _is_local(service: str, database: str) -> bool:
    if service == "sss":
        # Red Hat's hosts name it where nobody has set it up.
        return not os.path.exists("/etc/sssd/sssd.conf") and not glob.glob("/etc/sssd/conf.d/*.conf")
    return service in _LOCAL and not (service == "compat" and _includes_nis(database))


def _includes_nis(database: str) -> bool:
    try:
        with open(f"/etc/{database}", encoding="utf-8", errors="replace") as file:
            return any(line.startswith("+") for line in file)
    except OSError:
        return True


def _subordinate() -> list[tuple[int, int]]:
    """(first, count) of the numbers that accounts may map into their user namespaces."""
    found = []
    for path in ("/etc/subuid", "/etc/subgid"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found += [(int(m[1]), int(m[2])) for line in file if (m := re.match(r"[^:]*:(\d+):(\d+)\s*$", line))]
        except OSError:
            continue
    return found
