# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""nginx is asked as the account that it is run as.

`nginx -t` makes the folders that its configuration names, and, run as root, gives them to the account that the
configuration names, `nobody` without one (ngx_create_paths): an nginx that is not root's could use them no more.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd

_MASTER = ": master process"
# Where programs for root lie, which an ordinary account does not have on its PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ROOT = "root"
SECONDS = 10.0


def account() -> str:
    """The name of the account that nginx's master runs as: that of the process, else of its unit; root's else.

    Of several masters one that is not root's: asked as it, nothing is given away.
    """
    uids = []
    for pid in processes.pids():
        if processes.program(pid) in nginx_unit.PROGRAMS and _MASTER in processes.command_line(pid)[:40]:
            try:
                uids.append(os.stat(f"/proc/{pid}").st_uid)
            except OSError:
                continue
    if uids:
        return _name(max(uids))
    given = systemd.show(nginx_unit.name()).get("User", "")
    return _name(int(given)) if given.isdigit() else given or ROOT


def run(who: str, *options: str, seen: tuple[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """nginx asked as the account `who`, which may open its ports as its unit lets it. Raises as subprocess.run().

    seen: a folder, and the one in whose place nginx alone sees it; only root may ask so.
    PermissionError where its program is one that only systemd may be let start, by root.
    """
    shown = systemd.show(nginx_unit.name())
    program, *places = nginx_unit.command(shown)
    own = ["-p", f"User={who}", "-p", "AmbientCapabilities=CAP_NET_BIND_SERVICE"] if who != ROOT else []
    own += [word for name in _made_at_start(shown) for word in ("-p", f"RuntimeDirectory={name}")]
    own += ["-p", f"BindReadOnlyPaths={':'.join(seen)}"] if seen else []
    is_root = os.geteuid() == 0
    if program != "nginx" and not is_root:
        raise PermissionError(f"{program} is asked by root only")
    words = [shutil.which("nginx", path=PATH) or "nginx", *places, *options]
    if is_root and (own or program != "nginx"):
        words = ["systemd-run", *nginx_unit.ONCE, *own, "--", program, *places, *options]
    return subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)


def _made_at_start(shown: dict[str, str]) -> list[str]:
    """The folders below /run that systemd makes for the unit, which is down, and has removed: for a pid file, say."""
    if shown.get("ActiveState") not in ("inactive", "failed"):
        return []
    names = [item.partition(":")[0] for item in systemd.words(shown.get("RuntimeDirectory", ""))]
    return [name for name in names if not os.path.lexists(os.path.join("/run", name))]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "nobody"
