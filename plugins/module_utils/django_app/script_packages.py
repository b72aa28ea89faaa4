# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: installed packages that do not fit together.

Requirements that name no version say nothing of it: a package was upgraded by itself and lacks what another one imports
of it, machine code was made for another library. Whose a module is, and
which versions a package wants, is asked of the installers' own metadata. Source: packaging.python.org, "Recording
installed projects", "Direct URL Data Structure".
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import (
    inside_app,
    name_in_app,
    short,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_requirements import (
    canonical,
    chain_of,
    installed_distributions,
    modules_of,
    packaging_library,
)

LACKS = re.compile(r"^(?:partially initialized )?module '([\w.]+)' has no attribute '(\w+)'")
IMPORTS = re.compile(r"^cannot import name '(\w+)' from '([\w.]+)'")
BY_NAME = os.path.join("django", "utils", "module_loading.py")
CIRCULAR = re.compile(r"circular import|partially initialized")
# What the dynamic loader, and NumPy, say of machine code that was made for something else.
NATIVE = re.compile(
    r"undefined symbol|invalid ELF header|wrong ELF class|version `\S+' not found|cannot open shared object file"
    r"|compiled using NumPy|numpy\.core\.multiarray failed|may indicate binary incompatibility"
    r"|ABI version|does not define module export function"
)


def look_at_packages(plan):
    """{misfit, native} of an app that fails; each is there only where there is one."""
    error = plan.get("error") or plan.get("page_error")
    if error is None:
        return {}
    installed = installed_distributions()
    found = {}
    for item in chain_of(error):
        misfit = misfit_of(item, installed, plan)
        if misfit:
            found["misfit"] = misfit
            break
    native = native_of(error, installed)
    if native:
        found["native"] = native
    return found


def misfit_of(error, installed, plan):
    """Which package asks which other one for what it does not have; None where that is not the matter.

    {importer, importer_version, file, line, provider, provider_version, lacks, wants, shared}. importer is empty of the
    app's own code; provider is Python of its own library. wants: what the importer requires of the provider where that
    is not what is installed. shared: the packages that have brought the same module, where there are several.
    """
    module, name = asked_of(error)
    if not module or CIRCULAR.search(str(error)) or name_in_app(module, plan):
        return None
    top = module.partition(".")[0]
    providers = owners(top, installed)
    is_pythons = top in getattr(sys, "stdlib_module_names", ()) or (not providers and is_pythons_own(top))
    if not providers and not is_pythons:
        return None
    file, line = innermost(error)
    importer = "" if inside_app(file, plan) else owner_of_file(file, installed)
    # What Django imports by a name in the app's settings, it does not need itself.
    if importer is None or file.endswith(BY_NAME):
        return None
    provider = "" if is_pythons else providers[0]
    found = {
        "importer": importer,
        "importer_version": installed[canonical(importer)].version if importer else "",
        "file": file,
        "line": line,
        "provider": provider or "Python",
        "provider_version": installed[canonical(provider)].version if provider else sysconfig.get_python_version(),
        "lacks": short(module + "." + name if name else module),
        "loaded_from": short(getattr(sys.modules.get(top), "__file__", None) or ""),
        "wants": wanted_of(importer, provider, installed, plan) if importer and provider else "",
        "shared": sharers(top, installed) if provider else [],
    }
    return found


def asked_of(error):
    """(module, name) that was asked for and is not there: of a module that is there; ("", "") of other errors."""
    text = str(error)
    match = IMPORTS.match(text) if isinstance(error, ImportError) else None
    if match:
        return match.group(2), match.group(1)
    if isinstance(error, ModuleNotFoundError) and "." in (error.name or ""):
        top = (error.name or "").partition(".")[0]
        return (error.name, "") if top in sys.modules else ("", "")
    match = LACKS.match(text) if isinstance(error, AttributeError) else None
    return (match.group(1), match.group(2)) if match else ("", "")


def innermost(error):
    """(file, line) of the innermost frame of an exception that has a file: the import system's own have none."""
    trace, found = error.__traceback__, ("", 0)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<") and os.sep + "importlib" + os.sep not in file:
            found = (file, trace.tb_lineno)
        trace = trace.tb_next
    return found


def is_pythons_own(top):
    """Whether a module is of Python's own library."""
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return file.startswith(sysconfig.get_path("stdlib") + os.sep) and "-packages" not in file


def owners(top, installed):
    """The names of the packages that have installed the module or folder, by name."""
    return sorted(
        distribution.metadata["Name"] for distribution in installed.values() if top in modules_of(distribution)
    )


def owner_of_file(file, installed):
    """The name of the package that a file was installed by; None where that is not known."""
    real = os.path.realpath(file)
    for folder in sys.path:
        base = os.path.realpath(folder or os.curdir) + os.sep
        if real.startswith(base) and "-packages" in base:
            first = real[len(base) :].split(os.sep)[0]
            found = owners(first[:-3] if first.endswith(".py") else first, installed)
            return found[0] if found else None
    return None


def sharers(top, installed):
    """The packages whose records list the very same first file of a module, where these are several."""
    files = (top + "/__init__.py", top + ".py")
    found = [
        distribution.metadata["Name"]
        for distribution in installed.values()
        if any(str(file) in files for file in distribution.files or [])
    ]
    return sorted(found) if len(found) > 1 else []


def wanted_of(importer, provider, installed, plan):
    """What one package requires of the other, as it says itself, where what is installed is not that; else empty."""
    library = packaging_library(plan)
    if library is None:
        return ""
    for text in installed[canonical(importer)].requires or []:
        try:
            requirement = library.Requirement(text)
        except Exception:
            continue
        is_it = canonical(requirement.name) == canonical(provider)
        if not is_it or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        if not requirement.specifier.contains(installed[canonical(provider)].version, prereleases=True):
            return short(requirement.name + str(requirement.specifier))
    return ""


def native_of(error, installed):
    """{package, version, message} of machine code that does not fit what it was loaded with; None without."""
    for item in chain_of(error):
        if isinstance(item, (ImportError, ValueError, OSError, RuntimeError, SystemError)) and NATIVE.search(str(item)):
            path = getattr(item, "path", None) or next(iter(re.findall(r"/[^\s:]+\.so\b", str(item))), "")
            for file in (path, innermost(item)[0]):
                package = owner_of_file(file, installed) if file else None
                if package:
                    about = {"package": package, "version": installed[canonical(package)].version, "path": file}
                    return dict(about, message=(short(item).splitlines() or [""])[0])
    return None
