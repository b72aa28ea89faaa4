"""One lab host: boot it, run commands in it, break it, look at all of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.image import KEY, build
from lab.podman import PREFIX, LabError, podman, say

BOOT_SECONDS = 60.0
SETTLE_SECONDS = 30.0
POLL_SECONDS = 0.2
AT_ONCE = 3
SNAPSHOT = Path(__file__).parent / "snapshot.py"
PRELUDE = Path(__file__).parent / "reproduce.sh"
FAILURES = Path(__file__).parents[2] / "failures"
SERVER_NAME = "api.xamila.example"
ORIGIN = "https://xamila.example"
# What a reproduction may refer to: it leans on no name of this lab.
FACTS = {
    "UNIT": "xamila.service",
    "ROOT": "/var/www/xamila/xamila_backend",
    "VENV": "/var/www/xamila/xamila_backend/venv",
    "PACKAGE": "xamila",
    "APP_USER": "www-data",
    "APP_GROUP": "www-data",
    "APP_LABEL": "sgis",
    "APP_TABLE": "sgis_sgi",
    "PREVIOUS_MIGRATION": "0001_initial",
    "ENV_FILE": "/var/www/xamila/xamila_backend/.env",
    "STATIC_ROOT": "/var/www/xamila/xamila_backend/staticfiles",
    "LOG_DIR": "/var/log/xamila",
    "UPSTREAM_PORT": "8000",
    "DATABASE_UNIT": "postgresql",
    "DATABASE_NAME": "xamila",
    "DATABASE_USER": "xamila",
    "NGINX_SITE": "/etc/nginx/sites-available/xamila",
    "UNIT_FILE": "/etc/systemd/system/xamila.service",
    "MEDIA_ROOT": "/var/www/xamila/xamila_backend/media",
    "SERVER_NAME": "api.xamila.example",
    "API_PATH": "/api/sgis/",
    "BIND": "127.0.0.1:8000",
}


@dataclass(frozen=True)
class Host:
    """A lab host by its short name; the container's name has the lab's prefix."""

    name: str

    @property
    def container(self) -> str:
        return PREFIX + self.name

    def up(self, address: str = "") -> Host:
        """Boot it afresh and wait until its site answers. LabError where it does not within a minute.

        address: one on podman's bridge that it keeps when it reboots; else it gets the next free one.
        """
        image = build()
        self.down()
        keep = [f"--ip={address}"] if address else []
        podman("run", "--detach", "--name", self.container, "--hostname", self.name, "--systemd=always", *keep,
               "--cap-add=NET_ADMIN,SYS_ADMIN,SYS_PTRACE", image, "/sbin/init")  # fmt: skip
        self.run("systemctl is-system-running --wait", check=False)
        deadline = time.monotonic() + BOOT_SECONDS
        while self.ask("/api/sgis/")[0] != 200:
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not answer within {BOOT_SECONDS:.0f} s: {self.ask('/api/sgis/')}")
            time.sleep(POLL_SECONDS)
        return self

    def come_back(self) -> None:
        """Do what a machine's firmware does: boot again after a shutdown.

        A container has its machine's boot id; so that a reboot can be told, it gets one of its own.
        """
        podman("wait", "--condition=exited", self.container)
        podman("start", self.container)
        kernel = "/proc/sys/kernel/random"
        self.run(f"cat {kernel}/uuid > /run/boot_id && mount --bind /run/boot_id {kernel}/boot_id")

    def down(self) -> None:
        """Remove it, wherever it is."""
        podman("rm", "--force", "--time", "0", "--ignore", self.container)

    def run(
        self, script: str, check: bool = True, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a bash script in it as root. LabError with its output where it fails and check is true."""
        words = [f"--env={name}={value}" for name, value in (variables or {}).items()]
        done = podman("exec", "-i", *words, self.container, "bash", "-euo", "pipefail", "-s", check=False, stdin=script)
        if check and done.returncode:
            raise LabError(f"on {self.name}, status {done.returncode}: {(done.stdout + done.stderr).strip()[-1500:]}")
        return done

    def address(self) -> str:
        """Its address on podman's bridge.

        No port is published: netavark, when hosts come and go side by side, leaves rules of removed ones behind, which
        lead a published port to nobody (2 of 180 boots).
        """
        return podman("inspect", self.container, "--format", "{{.NetworkSettings.IPAddress}}").stdout.strip()

    def ask(self, path: str, timeout: float = 15.0) -> tuple[int, dict[str, str], str]:
        """GET a path through nginx from outside: (status, headers, body); status 0 where nobody answers."""
        try:
            connection = http.client.HTTPConnection(self.address(), timeout=timeout)
            connection.request("GET", path, headers={"Host": SERVER_NAME, "Origin": ORIGIN})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read().decode(errors="replace")
        except (TimeoutError, OSError, http.client.HTTPException) as error:
            return 0, {}, str(error)

    def break_with(self, fault: str, script: str | None = None) -> None:
        """Reproduce a failure mode (`<layer>/<name>`, or the script given) and wait until the unit has settled."""
        words = script if script is not None else reproduction(fault)
        self.run(PRELUDE.read_text(encoding="utf-8") + words, variables=FACTS)
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._state() in ("activating", "deactivating", "reloading") and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _state(self) -> str:
        """The unit's state; one between two restarts counts as activating."""
        return self.run(f"systemctl show -P ActiveState {FACTS['UNIT']}", check=False).stdout.strip()

    def snapshot(self) -> dict[str, Any]:
        """Every file's type, owner, group, mode and content, the tables' rows, and which units are enabled."""
        text = podman("exec", "-i", self.container, "python3", "-", stdin=SNAPSHOT.read_text(encoding="utf-8")).stdout
        snapshot: dict[str, Any] = json.loads(text)
        return snapshot

    def inventory(self, full: bool = False) -> dict[str, Any]:
        """This host's variables for an Ansible inventory; `full` adds what a careful user would set."""
        variables: dict[str, Any] = {
            "ansible_host": self.address(),
            "ansible_user": "admin",
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_become": True,
            # A lab host is new at every boot, so its key is never known.
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            "rescue502_unit": FACTS["UNIT"],
        }
        return variables | (careful_settings() if full else {})


def careful_settings() -> dict[str, Any]:
    """What inventory/xamila sets, for a lab host."""
    paths = (
        "http://127.0.0.1/health/",
        "https://127.0.0.1/api/sgis/",
        "https://127.0.0.1/api/notifications/user/count/",
    )
    return {
        "rescue502_health_url": "http://127.0.0.1:8000/health/",
        "rescue502_health_json": {"status": "healthy"},
        "rescue502_edge": [{"url": url, "host": SERVER_NAME, "verify_tls": False} for url in paths],
        "rescue502_cors_origin": ORIGIN,
        "rescue502_database_unit": "postgresql",
    }


def reproduction(fault: str) -> str:
    """The script that breaks a host in the way of a failure mode."""
    path = FAILURES / f"{fault}.yml"
    if not path.is_file():
        raise LabError(f"no failure mode {fault}: there is no {path}")
    return str(yaml.safe_load(path.read_text(encoding="utf-8"))["reproduce"])


def boot(names: list[str]) -> list[Host]:
    """Boot several hosts, a few at a time."""
    build()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(lambda name: Host(name).up(), names))


def running() -> list[Host]:
    """The lab hosts that are up."""
    listed = podman("ps", "--format", "{{.Names}}", "--filter", f"name=^{PREFIX}").stdout.split()
    return [Host(name[len(PREFIX) :]) for name in sorted(listed)]


def inventory(hosts: list[Host], full: bool) -> dict[str, Any]:
    """An inventory of several hosts, in the group `django`."""
    say(f"inventory of {len(hosts)} host(s)")
    return {"django": {"hosts": {host.name: host.inventory(full) for host in hosts}}}
