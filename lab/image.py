"""Build lab hosts' images from Debian's packages; again only when what they are made of has changed."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from lab import shape as shapes
from lab.image_content import CONTENT, stage
from lab.podman import CACHE, LabError, podman, say, sudo
from lab.shape import Shape

NAME = "localhost/rescue502-lab"
PACKAGES = (
    "systemd,systemd-sysv,dbus,python3,python3-venv,nginx-light,postgresql,git,openssh-server,sudo,curl,procps,"
    "iproute2,openssl,ca-certificates,libfaketime,monit,locales"
)
# Languages that a host's PostgreSQL can speak: its catalogues, and the C library's for what the kernel refuses.
LANGUAGES = ("fr_FR", "de_DE")
_CATALOGUES = ("postgres-*", "pg_ctl-*", "libpq5-*", "libc")
AT_ONCE = 2


@cache
def tag(shape: Shape) -> str:
    """The name of a shape's image, made from what goes into it."""
    digest = hashlib.sha256(f"{shape.suite} {' '.join(_base_options())} {shape.database}".encode())
    digest.update((CONTENT / "detach-database.sh").read_bytes())
    with tempfile.TemporaryDirectory(prefix="rescue502-lab-") as name:
        folder = Path(name) / "image"
        stage(shape, folder)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{NAME}-{shape.name}:{digest.hexdigest()[:16]}"


def database_tag(shape: Shape) -> str:
    """The image of the other host, where the shape's database is elsewhere."""
    return tag(shape).replace(f"-{shape.name}:", f"-{shape.name}-db:")


def build(shape: Shape) -> str:
    """The name of the shape's image, after building it where it is not there yet."""
    name = tag(shape)
    if not _exists(name):
        with _locked(shape.name):
            if not _exists(name):
                _build(shape, name)
    return name


def build_all(names: list[str]) -> list[str]:
    """Build the images of several shapes, a few at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(build, map(shapes.load, names)))


def _exists(name: str) -> bool:
    return podman("image", "exists", name, check=False).returncode == 0


class _locked:  # noqa: N801 - read as a word in a `with`
    """A lock between processes: two builds of one thing would take each other's builder away."""

    def __init__(self, name: str) -> None:
        self._path = CACHE / f"build-{name}.lock"

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        self._file.close()


def _build(shape: Shape, name: str) -> None:
    begun = time.monotonic()
    say(f"building the image of a host of the shape {shape.name}, once: {shape.about}")
    with _locked("base-" + shape.suite):
        base = _base(shape.suite)
        wheels = _wheels(shape)
    _provision(shape, base, name, wheels)
    for built in (name, database_tag(shape)):
        _prune(built)
    say(f"image of {shape.name} built in {time.monotonic() - begun:.0f} s")


def _step(title: str, work: Callable[[], object]) -> None:
    begun = time.monotonic()
    work()
    say(f"{title}: {time.monotonic() - begun:.0f} s")


def _base_options() -> list[str]:
    """How mmdebstrap makes a bare Debian: lean, with the packages and the locales."""
    lean = [f"path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale", "info")]
    folders = [f"/usr/share/locale/{name.partition('_')[0]}/LC_MESSAGES" for name in LANGUAGES]
    # dpkg's last match counts, and it makes no folder that is excluded.
    kept = [f"path-include={folder}/{catalogue}.mo" for folder in folders for catalogue in _CATALOGUES]
    made = "mkdir -p " + " ".join(f'"$1{folder}"' for folder in folders)
    locales = " && ".join(f'chroot "$1" localedef -i {name} -f UTF-8 {name}.UTF-8' for name in LANGUAGES)
    # What localedef reads is of no use afterwards.
    hooks = [f"--essential-hook={made}", f'--customize-hook={locales} && rm -r "$1/usr/share/i18n"']
    return ["--variant=minbase", *(f"--dpkgopt={line}" for line in (*lean, *kept)), f"--include={PACKAGES}", *hooks]


def _base(suite: str) -> str:
    """A bare Debian with the packages, kept as an image of its own: it changes seldom."""
    options = _base_options()
    name = f"{NAME}-base:{suite}-{hashlib.sha256(' '.join(options).encode()).hexdigest()[:12]}"
    if _exists(name):
        return name
    archive = CACHE / f"{suite}.tar"
    command = [*sudo(), "mmdebstrap", "--quiet", *options, suite]

    def bootstrap() -> None:
        done = subprocess.run([*command, str(archive)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"mmdebstrap failed: {done.stderr.strip()[-800:]}")
        podman("import", "--quiet", "--change", "CMD /sbin/init", str(archive), name)
        subprocess.run([*sudo(), "rm", "-f", str(archive)], check=True)

    _step(f"Debian {suite}", bootstrap)
    return name


def _wheels(shape: Shape) -> Path:
    """Packages for the host's Python, so that pip and uv work there without a network."""
    lines = shape.requirement_lines() + (["uv==0.9.5"] if shape.installer == "uv" else [])
    return wheels(CACHE / f"wheels-{shape.python}", shape.python, lines)


def wheels(folder: Path, python: str, lines: list[str]) -> Path:
    """The folder, with wheels of these requirements and of what they need for a version of Python."""
    done_before = folder / (hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12] + ".done")
    if done_before.exists():
        return folder
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    command += ["--python-version", python, "--dest", str(folder), *lines]

    def download() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"pip download failed: {done.stderr.strip()[-800:]}")
        done_before.touch()

    _step(f"wheels for Python {python}", download)
    return folder


def _provision(shape: Shape, base: str, name: str, wheels: Path) -> None:
    builder = f"rescue502-builder-{shape.name}"
    podman("rm", "--force", "--ignore", builder)
    podman("run", "--detach", "--name", builder, "--systemd=always", "--network=none", "--cap-add=SYS_ADMIN", base,
           "/sbin/init")  # fmt: skip
    try:
        podman("exec", builder, "systemctl", "is-system-running", "--wait", check=False)
        podman("cp", str(wheels), f"{builder}:/var/cache/wheels")
        with tempfile.TemporaryDirectory(prefix="rescue502-lab-") as folder:
            stage(shape, Path(folder) / "image")
            podman("cp", f"{folder}/image", f"{builder}:/root/image")
        _run(builder, "/root/image/provision.sh")
        if shape.database == "elsewhere":
            _detach_database(shape, builder, name)
        podman("stop", "--time", "10", builder)
        podman("commit", "--quiet", builder, name)
    finally:
        podman("rm", "--force", "--ignore", builder)


def _run(builder: str, script: str, *words: str) -> None:
    done = podman("exec", builder, "bash", script, *words, check=False)
    if done.returncode:
        raise LabError(f"{script} failed: {(done.stdout + done.stderr).strip()[-1500:]}")


def _detach_database(shape: Shape, builder: str, name: str) -> None:
    """Two images of one: the database's host, and the app's without it."""
    other = f"{builder}-db"
    podman("cp", str(CONTENT / "detach-database.sh"), f"{builder}:/root/detach-database.sh")
    podman("exec", builder, "sync")
    podman("commit", "--quiet", builder, database_tag(shape))
    podman("rm", "--force", "--ignore", other)
    podman("run", "--detach", "--name", other, "--systemd=always", "--network=none", f"--env=UNIT={shape.unit}",
           database_tag(shape), "/sbin/init")  # fmt: skip
    try:
        podman("exec", other, "systemctl", "is-system-running", "--wait", check=False)
        _run(other, "/root/detach-database.sh", "server")
        podman("stop", "--time", "10", other)
        podman("commit", "--quiet", other, database_tag(shape))
    finally:
        podman("rm", "--force", "--ignore", other)
    _run(builder, "/root/detach-database.sh", "client")


def _prune(name: str) -> None:
    """Remove earlier builds of this image, and of nothing else."""
    repository = name.rpartition(":")[0]
    listed = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={repository}").stdout
    for old in listed.split():
        if old != name and old.startswith(repository + ":"):
            podman("rmi", old, check=False)
