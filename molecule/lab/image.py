"""Build the lab host's image from Debian's packages; again only when what it is made of has changed."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.podman import CACHE, LabError, podman, say, sudo

SUITE = "bookworm"
PYTHON = "3.11"
NAME = "localhost/rescue502-lab"
CONTENT = Path(__file__).parent / "image"
PACKAGES = (
    "systemd,systemd-sysv,dbus,python3,python3-venv,nginx-light,postgresql,git,openssh-server,sudo,curl,procps,"
    "iproute2,openssl,ca-certificates,libfaketime,monit"
)
KEY = CACHE / "id_ed25519"
_BUILDER = "rescue502-builder"


def tag() -> str:
    """The image's name, made from what goes into it."""
    digest = hashlib.sha256()
    for path in sorted([*CONTENT.rglob("*"), Path(__file__)]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(Path(__file__).parent)).encode() + b"\0" + path.read_bytes())
    digest.update(key().encode())
    return f"{NAME}:{digest.hexdigest()[:16]}"


def key() -> str:
    """The public half of the lab's SSH key, made where there is none."""
    if not KEY.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rescue502-lab", "-f", str(KEY)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return KEY.with_suffix(".pub").read_text(encoding="utf-8")


def build() -> str:
    """The image's name, after building it where it is not there yet."""
    name = tag()
    if podman("image", "exists", name, check=False).returncode == 0:
        return name
    with (CACHE / "build.lock").open("w") as lock:
        # Two at once would take each other's builder away.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if podman("image", "exists", name, check=False).returncode != 0:
            _build(name)
    return name


def _build(name: str) -> None:
    begun = time.monotonic()
    say("building the host's image, once: about a minute and a half")
    base = _base()
    wheels = _wheels()
    _step("provisioning the site", lambda: _provision(base, name, wheels))
    _prune(name)
    say(f"image built in {time.monotonic() - begun:.0f} s")


def _step(title: str, work: Callable[[], object]) -> None:
    begun = time.monotonic()
    work()
    say(f"{title}: {time.monotonic() - begun:.0f} s")


def _base() -> str:
    """A bare Debian with the packages, kept as an image of its own: it changes seldom."""
    name = f"{NAME}-base:{SUITE}-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]}"
    if podman("image", "exists", name, check=False).returncode == 0:
        return name
    archive = CACHE / "rootfs.tar"
    lean = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale", "info")]
    command = [
        *sudo(),
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        *lean,
        f"--include={PACKAGES}",
        SUITE,
        str(archive),
    ]

    def bootstrap() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"mmdebstrap failed: {done.stderr.strip()[-800:]}")
        podman("import", "--quiet", "--change", "CMD /sbin/init", str(archive), name)
        subprocess.run([*sudo(), "rm", "-f", str(archive)], check=True)

    _step(f"Debian {SUITE}", bootstrap)
    return name


def _wheels() -> Path:
    """The app's packages for the host's Python, so that pip works there without a network."""
    folder = CACHE / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    command += ["--python-version", PYTHON, "--dest", str(folder), "-r", str(CONTENT / "app" / "requirements.txt")]

    def download() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"pip download failed: {done.stderr.strip()[-800:]}")

    _step("wheels", download)
    return folder


def _provision(base: str, name: str, wheels: Path) -> None:
    podman("rm", "--force", "--ignore", _BUILDER)
    podman("run", "--detach", "--name", _BUILDER, "--systemd=always", "--network=none", base, "/sbin/init")
    try:
        podman("exec", _BUILDER, "systemctl", "is-system-running", "--wait", check=False)
        podman("cp", str(wheels), f"{_BUILDER}:/opt/wheels")
        podman("cp", str(CONTENT), f"{_BUILDER}:/root/image")
        podman("exec", "-i", _BUILDER, "tee", "/root/image/authorized_key", stdin=key())
        done = podman("exec", _BUILDER, "bash", "/root/image/provision.sh", check=False)
        if done.returncode:
            raise LabError(f"provision.sh failed: {(done.stdout + done.stderr).strip()[-1500:]}")
        podman("stop", "--time", "10", _BUILDER)
        podman("commit", "--quiet", _BUILDER, name)
    finally:
        podman("rm", "--force", "--ignore", _BUILDER)


def _prune(name: str) -> None:
    """Remove earlier builds of this image, and of nothing else."""
    listed = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={NAME}").stdout.split()
    for old in listed:
        if old != name and old.startswith(NAME + ":"):
            podman("rmi", old, check=False)
