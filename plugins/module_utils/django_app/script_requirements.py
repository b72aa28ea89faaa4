# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what is required, what is installed."""

from __future__ import annotations

import importlib
import os
import sys


def packaging_library(plan):
    """packaging: as installed, in the venv's pip, or in the pip that Python brings along; None without any."""
    for name, place in (("packaging", []), ("pip._vendor.packaging", []), ("pip._vendor.packaging", plan["pips"][:1])):
        sys.path += place
        try:
            return importlib.import_module(name + ".requirements")
        except Exception:
            importlib.invalidate_caches()
    return None


def installed_distributions():
    from importlib import metadata

    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonical(name), distribution)
    return found


def canonical(name):
    """PEP 503."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def compare_requirements(plan):
    """Requirements compared with what is installed, and what those in turn require, as `pip check` does."""
    installed = installed_distributions()
    library = packaging_library(plan)
    if library is None or not plan["requirements"]:
        return {"checked": False, "installed": len(installed), "problems": []}
    problems, seen = [], set()
    queue = [(line, "requirements") for line in wanted_lines(plan["requirements"])]
    while queue:
        line, wanted_by = queue.pop()
        try:
            requirement = library.Requirement(line)
        except Exception:
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonical(requirement.name)
        distribution = installed.get(name)
        version = distribution.version if distribution else None
        if distribution is None or not requirement.specifier.contains(version, prereleases=True):
            problems.append({"name": name, "wanted": str(requirement.specifier), "installed": version, "by": wanted_by})
        elif (name, tuple(sorted(requirement.extras))) not in seen:
            seen.add((name, tuple(sorted(requirement.extras))))
            queue += [(text, name) for text in needs(library, distribution, requirement.extras)]
    return {"checked": True, "installed": len(installed), "problems": problems[:50]}


def needs(library, distribution, extras):
    """A distribution's requirements, for the extras that were asked for."""
    for text in distribution.requires or []:
        requirement = library.Requirement(text)
        environments = [{"extra": extra} for extra in extras or [""]]
        if requirement.marker is None or any(requirement.marker.evaluate(e) for e in environments):
            requirement.marker = None
            yield str(requirement)


def wanted_lines(path):
    """The requirements of a requirements.txt or a pyproject.toml."""
    if not path.endswith(".toml"):
        return list(requirement_lines(path, set()))
    try:
        import tomllib
    except ImportError:  # before Python 3.11
        from pip._vendor import tomli as tomllib
    with open(path, "rb") as file:
        return list(tomllib.load(file).get("project", {}).get("dependencies", []))


def requirement_lines(path, seen):
    """Requirement lines of a file and of those it includes with -r."""
    if path in seen:
        return
    seen.add(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read().replace("\\\n", " ")
    except OSError:
        return
    for line in text.splitlines():
        line = line.split(" #")[0].split(" --hash")[0].strip()
        if line.startswith(("-r ", "--requirement ")):
            yield from requirement_lines(os.path.join(os.path.dirname(path), line.split(None, 1)[1]), seen)
        elif line and line[0] not in "#-":
            yield line
