# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dependencies: the virtual environment itself, and what the requirements ask of it."""

from __future__ import annotations

import contextlib
import glob
import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, system_python
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    installed_packages,
    requirements_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

MOST_OTHERS = 10


def collect(stack: Stack) -> dict[str, Any]:
    """The venv's interpreter, the requirements file, damaged files; the rehearsal compares the packages themselves."""
    return {
        "venv": _venv_facts(stack.venv),
        "damaged": installed_packages.damaged(stack.venv) if stack.venv else [],
        "requirements": _requirements(stack, stack.requirements),
    }


def settled(facts: dict[str, Any], stack: Stack, rehearsed: Any) -> dict[str, Any]:
    """The result of collect(), with the file of requirements that the rehearsal compared; itself without one."""
    steps = rehearsed.get("steps", {}) if isinstance(rehearsed, dict) else {}
    compared = (steps.get("requirements") or {}).get("file", "")
    if "failed" in facts or not compared or compared == facts["requirements"]["path"]:
        return facts
    absent = {item["name"] for item in steps["requirements"]["problems"] if item["at_fault"] and not item["installed"]}
    if not absent:
        return {**facts, "requirements": _requirements(stack, stack.requirements)}
    installed = installed_packages.versions(stack.venv)
    choice = requirements_files.choose(stack.root, installed, absent.__contains__, stack.requirements_given)
    return {**facts, "requirements": _requirements(stack, choice)}


def _requirements(stack: Stack, choice: requirements_files.Choice) -> dict[str, Any]:
    return {
        "path": choice.path or os.path.join(stack.root, requirements_files.USUAL[0]),
        "exists": unread.reported(bool(choice.path), "the requirements", unread.sealed(stack.root)),
        "proved": choice.proved,
        "others": choice.paths[1:][:MOST_OTHERS],
        "conflicts": choice.conflicts[:MOST_OTHERS],
    }


def _venv_facts(venv: str) -> dict[str, Any]:
    """Whether the venv is there and its Python runs. A link that leads nowhere is an upgrade's usual trace."""
    python = os.path.join(venv, "bin", "python3") if venv else system_python.path()
    what, why = f"the virtual environment {venv}", (unread.hidden(venv) if venv else "") or unread.hidden(python)
    facts: dict[str, Any] = {
        "path": venv,
        "exists": unread.known(bool(venv) and os.path.isdir(venv), what, unread.hidden(venv) if venv else ""),
        "python": python,
        "python_exists": unread.known(os.path.exists(python), what, why),
        "dangling": unread.known(os.path.lexists(python) and not os.path.exists(python), what, why),
        "target": os.path.realpath(python),
        "has_pip": _has_pip(venv),
        "made_for": "",
        "libraries_for": [],
    }
    if not venv:
        return {**facts, "mismatch": False}
    with contextlib.suppress(OSError):
        facts["made_for"] = parse_made_for(safe_files.text(os.path.join(venv, "pyvenv.cfg")))
    library = os.path.join(venv, "lib")
    if os.path.isdir(library) and not unread.sealed(library):
        facts["libraries_for"] = sorted(n[len("python") :] for n in os.listdir(library) if n.startswith("python"))
    facts["mismatch"] = unread.known(_mismatch(facts), what, why)
    return facts


def parse_made_for(text: str) -> str:
    """The version of Python that a virtual environment was made with, of its pyvenv.cfg; empty where it says none.

    venv calls it `version`, virtualenv and uv `version_info`.
    """
    lines = dict(line.partition("=")[::2] for line in text.splitlines())
    return next((value.strip() for name, value in lines.items() if name.strip() in ("version", "version_info")), "")


def _has_pip(venv: str) -> bool:
    """Whether pip can install into it; uv makes environments without one."""
    return not venv or bool(glob.glob(os.path.join(glob.escape(venv), "lib", "python*", "site-packages", "pip")))


def _mismatch(facts: dict[str, Any]) -> bool:
    """Whether the Python it now leads to is another minor version than its libraries were installed for."""
    name = os.path.basename(facts["target"])
    version = name[len("python") :] if name.startswith("python3.") else ""
    return bool(version and facts["libraries_for"] and version not in facts["libraries_for"])
