# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What killed runs leave on their target: the folders into which Python unpacks a module that Ansible sends.

A run has a folder of its own for them, in memory and root's alone, which is emptied when the run has ended, and by the
next one. Before a run has the host's lock, or where Ansible runs without it, Python takes a usual one; there only
folders of our own modules are known by their names.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys

from ansible_collections.rescue502.django.plugins.module_utils.run.run_processes import IDLE, lineage, name_of
from ansible_collections.rescue502.django.plugins.module_utils.system import processes

# In the lock's own folder, so that nobody else can put anything there.
TEMPORARY = "/run/rescue502/tmp"
USUAL = ("/tmp", "/var/tmp", "/dev/shm")
# For what another account must read or enter: the run's own folder is root's alone.
FOR_OTHERS = "/var/tmp"
_OURS = re.compile(r"ansible_rescue502\.django\.\w+_payload_\w+")
# A module is unpacked by the process that is started for it, within so many seconds.
UNPACKED_WITHIN = 10.0


def make_place() -> None:
    """Make the run's own folder for temporary files. The lock's folder must be there; raises OSError otherwise."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(TEMPORARY, 0o700)


def clear() -> None:
    """Remove what processes have left that are gone. Never raises: a leftover harms nobody."""
    # This very module may have been unpacked into one.
    own = {os.path.dirname(path) for path in sys.path}
    found = [*_entries(TEMPORARY, ""), *(path for place in USUAL for path in _entries(place, _OURS.pattern))]
    for path in [path for path in found if path not in own]:
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not _is_in_use(status):
                shutil.rmtree(path, ignore_errors=True)


def _entries(place: str, pattern: str) -> list[str]:
    try:
        return [os.path.join(place, name) for name in os.listdir(place) if not pattern or re.fullmatch(pattern, name)]
    except OSError:
        return []


def _is_in_use(folder: os.stat_result) -> bool:
    """Whether a process lives that may have made the folder: a Python of its owner, started shortly before.

    Which folder a process was unpacked into, it does not show.
    """
    own = lineage()
    for pid in [pid for pid in processes.pids() if pid not in own]:
        with contextlib.suppress(OSError):
            owner, age = os.stat(f"/proc/{pid}").st_uid, folder.st_ctime - processes.started(pid)
            near = -1.0 <= age <= UNPACKED_WITHIN
            if near and owner == folder.st_uid and name_of(pid) not in IDLE and "python" in processes.command_line(pid):
                return True
    return False
