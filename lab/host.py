"""One lab host: boot it, run commands in it, break it, look at all of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab import breaking
from lab import shape as shapes
from lab.generator import build as rebuilding
from lab.generator import shape as generated
from lab.image import build, build_all, database_tag
from lab.image_content import KEY
from lab.podman import DISK, PREFIX, LabError, podman, say, sudo
from lab.shape import Shape

BOOT_SECONDS = 60.0
POLL_SECONDS = 0.2
AT_ONCE = 3
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SNAPSHOT = Path(__file__).parent / "snapshot.py"
SHAPE_LABEL = "rescue502.shape"


@dataclass(frozen=True)
class Host:
    """A lab host by its short name and its shape's; the container's name has the lab's prefix."""

    name: str
    shape_name: str = shapes.DEFAULT

    @classmethod
    def find(cls, name: str) -> Host:
        """A host that is up, with the shape that it was booted in. LabError where it is not."""
        label = podman("inspect", PREFIX + name, "--format", f'{{{{index .Config.Labels "{SHAPE_LABEL}"}}}}')
        return cls(name, label.stdout.strip())

    @property
    def shape(self) -> Shape:
        """The kind of host."""
        return generated.load(self.shape_name) if generated.is_seed(self.shape_name) else shapes.load(self.shape_name)

    @property
    def container(self) -> str:
        """Its container's name in podman."""
        return PREFIX + self.name

    @property
    def database(self) -> Host | None:
        """The other host, where the database is elsewhere."""
        return Host(f"{self.name}-db", self.shape_name) if self.shape.database == "elsewhere" else None

    def up(self, address: str = "") -> Host:
        """Boot it afresh and wait until its site answers. LabError where it does not within a minute.

        address: one on podman's bridge that it keeps when it reboots; else it gets the next free one.
        """
        shape = self.shape
        base = generated.base(shape) if isinstance(shape, generated.GeneratedShape) else shape
        image = build(base)
        self.down()
        options = [f"--ip={address}"] if address else []
        if self.database:
            self.database.boot(database_tag(base))
            options.append(f"--add-host={shapes.DATABASE_HOST}:{self.database.address()}")
        self.boot(image, *options)
        if isinstance(shape, generated.GeneratedShape) and not shape.usual:
            rebuilding.rebuild(self, shape)
        deadline = time.monotonic() + BOOT_SECONDS
        while self.ask(self.shape.api_path)[0] != 200:
            if time.monotonic() > deadline:
                answer = self.ask(self.shape.api_path)
                raise LabError(f"{self.name} did not answer within {BOOT_SECONDS:.0f} s: {answer}")
            time.sleep(POLL_SECONDS)
        return self

    def boot(self, image: str, *options: str) -> None:
        """Run a container of the image and wait until systemd has come to the end of its boot."""
        self._forget()
        podman(*DISK, "run", "--detach", "--name", self.container, "--hostname", self.name, "--systemd=always",
               f"--label={SHAPE_LABEL}={self.shape_name}", "--cap-add=NET_ADMIN,SYS_ADMIN,SYS_PTRACE", *options,
               image, "/sbin/init")  # fmt: skip
        self.run("systemctl is-system-running --wait", check=False)

    def come_back(self) -> None:
        """Do what a machine's firmware does: boot again after a shutdown.

        A container has its machine's boot id; so that a reboot can be seen, it gets one of its own.
        """
        podman("wait", "--condition=exited", self.container)
        podman(*DISK, "start", self.container)
        self._forget()
        kernel = "/proc/sys/kernel/random"
        self.run(f"cat {kernel}/uuid > /run/boot_id && mount --bind /run/boot_id {kernel}/boot_id")

    def lose_power(self) -> None:
        """Stop immediately, in the middle of whatever it does, and boot again; its address may be another one then."""
        podman("kill", "--signal=KILL", self.container)
        podman("wait", "--condition=exited", self.container)
        podman(*DISK, "start", self.container)
        self._forget()
        self.run("systemctl is-system-running --wait", check=False)

    def down(self) -> None:
        """Remove it, and its database's host where it has one."""
        podman("rm", "--force", "--time", "0", "--ignore", self.container, f"{self.container}-db")

    def run(
        self, script: str, check: bool = True, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a bash script in it as root. LabError with its output where it fails and check is true.

        variables: what it finds in its environment besides the host's facts, or in the place of some.
        """
        words = [f"--env={fact}" for fact in self._environment(variables)]
        done = podman("exec", "-i", *words, self.container, "bash", "-euo", "pipefail", "-s", check=False, stdin=script)
        if check and done.returncode:
            raise LabError(f"on {self.name}, status {done.returncode}: {(done.stdout + done.stderr).strip()[-1500:]}")
        return done

    def _environment(self, variables: dict[str, str] | None = None) -> list[str]:
        """The host's facts (what a reproduction may refer to) and further variables, each as NAME=value."""
        return [f"{name}={value}" for name, value in (self.shape.facts() | (variables or {})).items()]

    def address(self) -> str:
        """Its address on podman's bridge.

        No port is published: netavark, when hosts come and go side by side, leaves rules of removed ones behind, which
        lead a published port to nobody (2 of 180 boots).
        """
        return self._address

    @cached_property
    def _address(self) -> str:
        return podman("inspect", self.container, "--format", "{{.NetworkSettings.IPAddress}}").stdout.strip()

    @cached_property
    def _pid(self) -> str:
        """Its first process, as this machine counts."""
        return podman("inspect", self.container, "--format", "{{.State.Pid}}").stdout.strip()

    def _forget(self) -> None:
        """Forget the facts that a boot may change."""
        for known in ("_address", "_pid"):
            self.__dict__.pop(known, None)

    def ask(self, path: str, timeout: float = 15.0) -> tuple[int, dict[str, str], str]:
        """GET a path through nginx from outside: (status, headers, body); status 0 where nobody answers."""
        try:
            connection = http.client.HTTPConnection(self.address(), timeout=timeout)
            connection.request("GET", path, headers={"Host": self.shape.server_name, "Origin": self.shape.origin})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read().decode(errors="replace")
        except (TimeoutError, OSError, http.client.HTTPException) as error:
            return 0, {}, str(error)

    def break_with(self, fault: str, script: str | None = None) -> None:
        """Reproduce a failure mode (`<layer>/<name>`, or the script given) and wait until the unit has settled.

        LabError where the script fails, or where a failure mode's does not show as the mode's file says.
        """
        breaking.break_with(self, fault, script)

    def snapshot(self) -> dict[str, Any]:
        """Every file's type, owner, group, mode and content, the tables' rows, and which units are enabled."""
        snapshot = self._looked_at()
        if self.database:
            snapshot["tables"] = self.database._looked_at()["tables"]
        return snapshot

    def _looked_at(self) -> dict[str, Any]:
        """The host's state, as snapshot.py sees it."""
        done = self.inside(["python3", "-"], stdin=SNAPSHOT.read_text(encoding="utf-8"))
        if done.returncode:
            raise LabError(f"{self.name} could not be looked at: {done.stderr.strip()[-800:]}")
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    def inside(self, words: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in it as root, with its facts in the environment, past podman, which needs 0.2 s to begin."""
        enter = ["nsenter", f"--target={self._pid}", "--all", "env", "-i", f"PATH={PATH}", *self._environment()]
        return subprocess.run([*sudo(), *enter, *words], input=stdin, capture_output=True, text=True, check=False)

    def put(self, path: str, content: bytes) -> None:
        """Write a file in it, byte by byte as it is."""
        enter = ["nsenter", f"--target={self._pid}", "--all", "tee", "--", path]
        subprocess.run([*sudo(), *enter], input=content, stdout=subprocess.DEVNULL, check=True)

    def run_python(self, source: str) -> str:
        """Run a Python program in it as root, with its facts in the environment; what it prints."""
        done = self.inside(["python3", "-"], stdin=source)
        if done.returncode:
            raise LabError(f"a program failed on {self.name}: {done.stderr.strip()[-800:]}")
        return done.stdout

    def inventory(self, full: bool = False) -> dict[str, Any]:
        """This host's variables for an Ansible inventory; `full` adds what a careful user would set."""
        variables: dict[str, Any] = {
            "ansible_host": self.address(),
            "ansible_user": "admin",
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_become": True,
            # A lab host is new at every boot, so its key is never known.
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            "rescue502_unit": self.shape.unit,
        }
        return variables | (self.shape.careful_settings() if full else {})


def boot(names: list[str], shape_name: str = shapes.DEFAULT) -> list[Host]:
    """Boot several hosts of one shape, a few at a time."""
    if not generated.is_seed(shape_name):
        build_all([shape_name])
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(lambda name: Host(name, shape_name).up(), names))


def running() -> list[Host]:
    """The lab hosts that are up."""
    shown = f'{{{{.Names}}}} {{{{index .Labels "{SHAPE_LABEL}"}}}}'
    listed = podman("ps", "--format", shown, "--filter", f"name=^{PREFIX}").stdout.splitlines()
    return [Host(name[len(PREFIX) :], shape) for name, shape in sorted(line.split() for line in listed)]


def inventory(hosts: list[Host], full: bool) -> dict[str, Any]:
    """An inventory of several hosts, in the group `django`."""
    say(f"inventory of {len(hosts)} host(s)")
    return {"django": {"hosts": {host.name: host.inventory(full) for host in hosts}}}
