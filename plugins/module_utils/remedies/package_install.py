# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fill a virtual environment with what requirements ask for, and change no package that the fault does not concern."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, system_python
from ansible_collections.rescue502.django.plugins.module_utils.remedies.environment_owner import OUTPUT_LINES, Owner
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    installed_packages,
    requirements,
    requirements_files,
)

_CHANGED = re.compile(r"^(Successfully installed|Would install|Installed \d+|Uninstalled \d+)", re.M)


def make(owner: Owner, folder: str, like: str) -> None:
    """A new environment in a folder, made as the one before was."""
    settings = settings_of(like)
    python = os.path.join(settings.get("home", ""), "python3")
    python = python if os.access(python, os.X_OK) else system_python.path()
    uv = requirements.find_uv(owner.account.pw_dir)
    with_uv = [uv, "venv", "--clear", "--python", python, folder]
    owner.run(
        with_uv if uv and "uv" in settings else [python, requirements.ISOLATED, "-m", "venv", "--clear", folder], "/"
    )


def settings_of(venv: str) -> dict[str, str]:
    """The lines of an environment's pyvenv.cfg; none where it has no such file."""
    try:
        lines = safe_files.text(os.path.join(venv, "pyvenv.cfg")).splitlines()
        pairs = [line.partition("=")[::2] for line in lines]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, value in pairs}


def install(owner: Owner, path: str, venv: str, dry: bool = False, kept: str = "") -> dict[str, Any] | None:
    """Install what is damaged once more, and what the file at `path` asks for. Returns {installer, output, changed}.

    kept: a file with the versions that packages are to keep; where they cannot, None is returned.
    """
    try:
        kind, command = requirements.installer(venv, owner.account.pw_name, owner.account.pw_dir)
        wanted = requirements.packages_argument(kind, path, venv, owner.account.pw_name)
    except ValueError as error:
        owner.module.fail_json(msg=f"{error}. Nothing was installed.")
    words = [*command, "install"] if kind == "pip" else [*command, "pip", "install", "--python", venv]
    words += ["--dry-run"] if dry else []
    again = owner.module.params["reinstall"]
    anew = "--force-reinstall" if kind == "pip" else "--reinstall"
    folder = os.path.dirname(path)
    text = owner.run([*words, anew, "--no-deps", *again], folder) or "" if again else ""
    if again and owner.only_reinstalls():
        return {"installer": command, "output": text.splitlines()[-OUTPUT_LINES:], "changed": True}
    installed = owner.run([*words, *wanted, *(["-c", kept] if kept else [])], folder, must=not kept)
    if installed is None:
        return None
    lines = (text + installed).splitlines()
    return {"installer": command, "output": lines[-OUTPUT_LINES:], "changed": bool(_CHANGED.search(text + installed))}


def rebuild_like(owner: Owner, path: str, folder: str, before: dict[str, str]) -> dict[str, Any]:
    """Install into a new environment, in the versions that the old one had; where those are not to be had, others."""
    if not before:
        return install(owner, path, folder) or {}
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", dir=leftovers.FOR_OTHERS) as file:
        file.writelines(f"{name}=={version}\n" for name, version in before.items())
        file.flush()
        # Its owner reads it: names and versions are no secret.
        os.fchmod(file.fileno(), 0o644)
        done = install(owner, path, folder, kept=file.name)
    if done is None:
        owner.module.warn("the versions that were installed cannot all be had for this Python: others were chosen")
    return done or install(owner, path, folder) or {}


def fill(owner: Owner, path: str, venv: str, folder: str, rebuild: bool) -> dict[str, Any]:
    """Make or complete the environment in `folder`, which is `venv` itself or its staging folder."""
    before = installed_packages.versions(venv)
    if rebuild:
        make(owner, folder, venv)
        result = rebuild_like(owner, path, folder, before)
    else:
        result = install(owner, path, folder) or {}
        require_unchanged(owner, before, installed_packages.versions(folder))
        # In the copy alone: the environment that it replaces is kept as it was.
        if folder != venv and (left := installed_packages.remains(folder)):
            owner.run(["/bin/rm", "-r", "--", *left], "/")
    return {**result, "changed": rebuild or result["changed"], "kept": ""}


def require_unchanged(owner: Owner, before: dict[str, str], after: dict[str, str]) -> None:
    """End the module where a package has another version, or is gone, that has nothing to do with the repair."""
    allowed = {requirements_files.canonical(name) for name in owner.module.params["packages"]}
    moved = [name for name, version in before.items() if after.get(name) != version and name not in allowed]
    if allowed and moved:
        what = ", ".join(f"{name} {before[name]} to {after.get(name, 'none')}" for name in moved[:5])
        owner.module.fail_json(
            msg=f"the requirements would change what has nothing to do with the fault: {what}. Nothing was changed."
        )


def would_be(owner: Owner, path: str, venv: str) -> dict[str, str]:
    """The versions that would be installed, of what is installed now; asked of the installer, in a dry run."""
    text = "\n".join((install(owner, path, venv, dry=True) or {}).get("output", []))
    words = [word for line in re.findall(r"^Would install (.*)$", text, re.M) for word in line.split()]
    words += re.findall(r"^ \+ (\S+==\S+)$", text, re.M)
    pairs = [re.split(r"==|-(?=[^-]*$)", word, maxsplit=1) for word in words]
    return {requirements_files.canonical(pair[0]): pair[1] for pair in pairs if len(pair) == 2}
