"""What a lab host's image is provisioned with: the app under the shape's names, its configuration, its facts."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab import shape as shapes
from lab.podman import CACHE
from lab.shape import Shape

CONTENT = Path(__file__).parent / "image"
KEY = CACHE / "id_ed25519"
SECRETS = ("SECRET_KEY", "DB_PASSWORD")


def key() -> str:
    """The public half of the lab's SSH key, made where there is none."""
    if not KEY.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rescue502-lab", "-f", str(KEY)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return KEY.with_suffix(".pub").read_text(encoding="utf-8")


def stage(shape: Shape, folder: Path) -> None:
    """Lay out what provision.sh needs: the code under the shape's names, its configuration, its facts."""
    folder.mkdir()
    for name in ("provision.sh", "neighbour.sh", "neighbour"):
        copy = shutil.copytree if (CONTENT / name).is_dir() else shutil.copy
        copy(CONTENT / name, folder / name)
    copy_app(shape, folder / "app")
    _render(shape, folder)
    facts = shape.facts() | {
        "MODEL": shape.model.lower(),
        "MODEL_CLASS": shape.model,
        "INSTALLER": shape.installer,
        "NEIGHBOUR": "yes" if shape.neighbour else "",
        "DATABASE_HOST_NAME": shapes.DATABASE_HOST if shape.database == "elsewhere" else "",
    }
    (folder / "facts.sh").write_text("".join(f"{k}={shlex.quote(v)}\n" for k, v in facts.items()), encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join(shape.requirement_lines()) + "\n", encoding="utf-8")
    (folder / "authorized_key").write_text(key(), encoding="utf-8")


def copy_app(shape: Shape, target: Path) -> None:
    """The app's code with the shape's names in place of the usual ones, in paths and in texts."""
    names = {"xamila": shape.package, "sgis": shape.label, "Sgi": shape.model, "sgi": shape.model.lower()}
    places = {"/var/log/xamila": shape.log_dir}
    # Not the end of `wsgi`.
    pattern = re.compile("(?<![a-z])(?:" + "|".join(map(re.escape, [*places, *names])) + ")")

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: (places | names)[match.group()], text)

    sources = {path.relative_to(CONTENT / "app"): path for path in (CONTENT / "app").rglob("*") if path.is_file()}
    if shape.database == "sqlite":
        sources[Path("xamila/database.py")] = CONTENT / "sqlite" / "database.py"
    for relative, source in sources.items():
        if "__pycache__" not in relative.parts:
            path = target / renamed(str(relative))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(renamed(source.read_text(encoding="utf-8")), encoding="utf-8")


def _render(shape: Shape, folder: Path) -> None:
    """The configuration: next to the code what belongs to it, the rest under rendered/."""
    environment = Environment(
        loader=FileSystemLoader(CONTENT / "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    values = {
        "shape": shape, "facts": shape.facts(), "variables": variables(shape), "secrets": SECRETS,
        "requirements": shape.requirement_lines(),
    }  # fmt: skip
    wanted = {
        "rendered/app.service": True,
        "rendered/app.socket": shape.activation,
        "rendered/nginx-site.conf": True,
        "rendered/environment": True,
        "app/gunicorn.conf.py": shape.runtime_directory,
        "app/pyproject.toml": shape.requirements == "pyproject",
    }
    (folder / "rendered").mkdir()
    for name in (name for name, is_wanted in wanted.items() if is_wanted):
        text = environment.get_template(Path(name).name + ".j2").render(values)
        (folder / name).write_text(text, encoding="utf-8")
    lines = folder / "app" / "requirements.txt"
    if shape.requirements == "pyproject":
        lines.unlink()
    else:
        lines.write_text("\n".join(shape.requirement_lines()) + "\n", encoding="utf-8")


def variables(shape: Shape) -> dict[str, str]:
    """The app's variables; provision.sh puts the secrets in."""
    found = {
        "DJANGO_SETTINGS_MODULE": f"{shape.package}.settings",
        "SECRET_KEY": "@SECRET_KEY@",
        "DEBUG": "False",
        "ALLOWED_HOSTS": f"{shape.server_name},localhost,127.0.0.1",
        "CORS_ALLOWED_ORIGINS": shape.origin,
    }
    if shape.database != "sqlite":
        facts = shape.facts()
        found |= {
            "DB_NAME": facts["DATABASE_NAME"], "DB_USER": facts["DATABASE_USER"], "DB_PASSWORD": "@DB_PASSWORD@",
            "DB_HOST": facts["DATABASE_HOST"], "DB_PORT": "5432",
        }  # fmt: skip
    return found
