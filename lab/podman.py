"""Run podman so that a container can have systemd as PID 1, on machines with pure and with hybrid control groups."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# Containers are a checkout's own: another one's tests on this machine neither meet nor remove them.
PREFIX = f"rescue502-{hashlib.sha256(str(Path(__file__).resolve().parent).encode()).hexdigest()[:6]}-"
CACHE = Path(os.environ.get("RESCUE502_LAB_CACHE") or Path.home() / ".cache" / "rescue502-lab")
NAMESPACE = CACHE / "namespace.pid"
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "netavark": "netavark",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "iptables": "iptables",
}
# Debian keeps netavark where only podman looks.
_HIDDEN = {"netavark": "/usr/lib/podman/netavark"}
_WAIT_SECONDS = 10.0
# A host's disk on which folders of its image can be renamed and files linked at no cost, as on a server's own.
DISK = ("--storage-opt", "overlay.mountopt=nodev,metacopy=on,redirect_dir=on")


class LabError(Exception):
    """The lab cannot go on; the text says why and what to do."""


def say(text: str) -> None:
    """A line of progress, for people."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def sudo() -> list[str]:
    """The words before a command that needs root."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        raise LabError("the lab needs root: run it as root, or install sudo")
    return ["sudo"]


def missing() -> list[str]:
    """Debian packages that the lab needs and this machine lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    lacking = {
        package
        for program, package in PACKAGES.items()
        if not shutil.which(program, path=path) and not os.path.exists(_HIDDEN.get(program, "\0"))
    }
    return sorted(lacking)


def setup() -> None:
    """Install what is missing. LabError where that cannot be done."""
    packages = missing()
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise LabError(f"please install {', '.join(packages)}: apt-get is not here to do it")
    say(f"installing {', '.join(packages)}")
    quiet = {"stdout": subprocess.DEVNULL}
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run([*sudo(), *environment, "apt-get", *arguments], check=False, **quiet)  # type: ignore[call-overload]
        if done.returncode:
            raise LabError(f"apt-get {arguments[0]} failed: see its message above")


def _pure_cgroup2() -> bool:
    """Whether /sys/fs/cgroup is cgroup2 alone, as crun and systemd in a container want it."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, _dash, right = line.partition(" - ")
        if left.split()[4] == "/sys/fs/cgroup":
            return right.split()[0] == "cgroup2"
    return False


def _namespace_pid() -> int:
    """The process that keeps the lab's mount namespace alive, started where there is none."""
    if pid := _living_namespace():
        return pid
    CACHE.mkdir(parents=True, exist_ok=True)
    script = "umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && echo ready && exec sleep infinity"
    process = subprocess.Popen(
        [*sudo(), "unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != b"ready":
        raise LabError("no mount namespace with cgroup2 could be made: are you root on this machine?")
    NAMESPACE.write_text(f"{process.pid} {_started(process.pid)}", encoding="utf-8")
    return process.pid


def _living_namespace() -> int:
    """That process where it was started and still lives; else 0."""
    try:
        pid, started = (int(word) for word in NAMESPACE.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return 0
    return pid if _started(pid) == started else 0


def _started(pid: int) -> int:
    """A process's start time in clock ticks: with it, a pid that was given out again is not taken for the first one."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except OSError:
        return -1


def _containers_conf() -> Path:
    """podman's settings for the lab, within the limits of this machine."""
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 20000)
    processes = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 30000)
    text = (
        f'[containers]\npids_limit = 0\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
        '[engine]\nruntime = "runc"\n'
    )
    path = CACHE / "containers.conf"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        CACHE.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


def command() -> list[str]:
    """The words that run podman here."""
    if _pure_cgroup2():
        return [*sudo(), "podman"]
    enter = ["nsenter", "--mount", f"--target={_namespace_pid()}"]
    return [*sudo(), *enter, "env", f"CONTAINERS_CONF={_containers_conf()}", "podman"]


def podman(*arguments: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run podman and take its output. LabError where it fails and check is true."""
    if not shutil.which("podman"):
        raise LabError("podman is not installed: run `python -m lab setup` first")
    done = subprocess.run([*command(), *arguments], capture_output=True, text=True, check=False, input=stdin)
    if check and done.returncode:
        raise LabError(f"podman {arguments[0]} failed: {done.stderr.strip()[-800:]}")
    return done


def end_namespace() -> None:
    """Let the mount namespace go; the next call makes a new one."""
    with contextlib.suppress(OSError):
        if pid := _living_namespace():
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.05)
        NAMESPACE.unlink()
