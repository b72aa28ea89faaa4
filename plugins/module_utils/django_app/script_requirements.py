# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what is required, what is installed."""

from __future__ import annotations

import importlib
import os
import sys

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import name_in_app


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
    """importlib.metadata's distributions by their canonical name, the first on the path of each."""
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
    """Requirements compared with what is installed, and what those in turn require, as `pip check` does.

    Of several files the first is compared, or the first that names a package which the app may have failed for.
    """
    installed = installed_distributions()
    library = packaging_library(plan)
    if library is None or not plan["requirements"]:
        return {"checked": False, "installed": len(installed), "problems": [], "file": ""}
    missing = missing_modules(plan.get("error"), plan)
    found = [(path, problems_of(path, installed, library)) for path in plan["requirements"]]
    naming = [item for item in found if any(is_missing(problem, missing) for problem in item[1])]
    path, problems = (naming or found)[0]
    blame(problems, installed, missing, plan.get("error"))
    return {"checked": True, "installed": len(installed), "problems": problems[:50], "file": path}


def problems_of(path, installed, library):
    """What one file requires, itself or through what it requires, and is not installed as required."""
    problems, seen = [], set()
    queue = [(line, "requirements") for line in wanted_lines(path)]
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
    return problems


def chain_of(error):
    """An exception and its causes, the last raised first."""
    found = []
    while error is not None and len(found) < 10:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def missing_modules(error, plan):
    """The first parts of modules that could not be found, and that are neither the app's own nor there."""
    names = [item.name or "" for item in chain_of(error) if isinstance(item, ModuleNotFoundError)]
    tops = {name.partition(".")[0] for name in names if name and not name_in_app(name, plan)}
    return {top for top in tops if not is_there(top)}


def is_there(top):
    """Whether a module is installed, so that one below it is not what another package would bring.

    A package without a file of its own is shared: several distributions may put something below it (PEP 420).
    """
    return bool(getattr(sys.modules.get(top), "__file__", None))


def may_provide(package, module):
    """Whether a package's name says that it brings a module: python-slugify brings slugify."""
    name, wanted = canonical(package), canonical(module)
    return name == wanted or wanted in name.split("-") or wanted.replace("-", "") in name.replace("-", "")


def is_missing(problem, modules):
    """Whether a package that is not installed may bring one of the modules."""
    return problem["installed"] is None and any(may_provide(problem["name"], module) for module in modules)


def blame(problems, installed, modules, error):
    """Say of each problem whether it is what has stopped the app: `at_fault`.

    Of what is not installed, those whose names fit the missing module; where none does, all may be it.
    """
    absent = [problem for problem in problems if problem["installed"] is None]
    fitting = [problem for problem in absent if is_missing(problem, modules)] or (absent if modules else [])
    met = modules_met(error)
    for problem in problems:
        of_package = modules_of(installed[problem["name"]]) if problem["installed"] is not None else set()
        problem["at_fault"] = problem in fitting or bool(of_package & met)


def modules_met(error):
    """The first parts of the modules that lack a name the app asked for, or in whose code an exception was raised."""
    found = set()
    for item in chain_of(error):
        lacking = getattr(getattr(item, "obj", None), "__name__", "") if isinstance(item, AttributeError) else ""
        if isinstance(item, ImportError):
            found.add(str(item.name or "").partition(".")[0])
            continue
        found.add(str(lacking).partition(".")[0])
        trace = item.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        raised_in = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
        # Django raises what an app's settings have wrong: that is no sign of a wrong Django.
        found |= {raised_in.partition(".")[0]} - {"django"}
    return found - {"", "__main__"}


def modules_of(distribution):
    """The first parts of the modules that a distribution has installed."""
    files = [file.parts[0] for file in distribution.files or [] if file.parts]
    return {name[:-3] if name.endswith(".py") else name for name in files if not name.endswith((".dist-info", ".."))}


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
