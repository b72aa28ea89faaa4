"""Make a booted lab host into a generated one. No image is built: what differs is rewritten in the running host."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import image, image_content
from lab import shape as lab_shapes
from lab.generator import app, configuration
from lab.generator import shape as shapes
from lab.generator.shape import GeneratedShape
from lab.podman import CACHE, LabError, podman

if TYPE_CHECKING:
    from lab.host import Host

HERE = Path(__file__).parent
PLACE = "/root/generated"


def rebuild(host: Host, shape: GeneratedShape) -> None:
    """Rewrite a booted host of the base's image. LabError where that fails; that it answers, the caller sees."""
    with tempfile.TemporaryDirectory(prefix="rescue502-lab-") as name:
        folder = Path(name) / "generated"
        folder.mkdir()
        stage(shape, folder)
        podman("cp", str(folder), f"{host.container}:{PLACE}")
    done = podman(
        "exec", *(f"--env={fact}" for fact in facts(shape)), host.container, "bash", f"{PLACE}/rebuild.sh", check=False
    )
    if done.returncode:
        raise LabError(f"{host.name} did not become {shape.choices}: {(done.stdout + done.stderr).strip()[-1500:]}")


def stage(shape: GeneratedShape, folder: Path) -> None:
    """Lay out what rebuild.sh needs."""
    variables = image_content.variables(shape) | {
        "DB_PASSWORD": _secret(shape, "database"), "SECRET_KEY": _secret(shape, "key"),
        "ALLOWED_HOSTS": f".{shape.server_name},localhost,127.0.0.1",
    }  # fmt: skip
    if shape.database == "sqlite":
        del variables["DB_PASSWORD"]
    elif shape.choices.database == "peer":
        del variables["DB_PORT"]
        variables |= {"DB_HOST": "", "DB_PASSWORD": "unused"}
    app.stage(shape, folder / "app", variables)
    configuration.render(shape, variables, folder)
    for script in ("rebuild.sh", "grant.py"):
        (folder / script).write_bytes((HERE / script).read_bytes())
    lines = app.packages(shape)
    (folder / "packages").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / "wheels").mkdir()
    for wheel in wheels(lines) if lines else []:
        shutil.copy(wheel, folder / "wheels")


def wheels(lines: list[str]) -> list[Path]:
    """Wheels of these packages and of what they need, for the lab hosts' Python."""
    folder = CACHE / "wheels-generated" / hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    return sorted(image.wheels(folder, lab_shapes.PYTHONS["bookworm"], lines).glob("*.whl"))


def facts(shape: GeneratedShape) -> list[str]:
    """rebuild.sh's environment, as NAME=value."""
    own = shape.facts() | {
        "HAS_GIT": "yes" if shape.choices.code == "git" else "no", "OWNING": shape.choices.owner,
        "DB_PASSWORD": _secret(shape, "database"),
    }  # fmt: skip
    old = {f"OLD_{name}": value for name, value in shapes.base(shape).facts().items()}
    return [f"{name}={value}" for name, value in (own | old).items()]


def _secret(shape: GeneratedShape, what: str) -> str:
    """A secret of this host alone, the same at each build of its seed."""
    return hashlib.sha256(f"{what} {shape.name}".encode()).hexdigest()[:40]
