# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: packages that are linked in from elsewhere.

An editable installation, a line in a .pth file, a variable or a link leads to a folder outside of the environment.
Where the app's account cannot enter that any more, Python passes it over and says only that there is no such module.
What is in the way is asked of the kernel, as the app's account. Sources: Python's site module; PEP 660; setuptools'
editable_wheel.
"""

from __future__ import annotations

import os
import pwd
import sys


def broken_link(error):
    """{by, path, barrier, missing, owner, mode, known} of the link by which Python was to find what an error lacks.

    by: the file, variable or link that leads to `path`. barrier: the folder on the way that the account cannot enter or
    list, or that is not there. known: whether the link is known to be that module's; else the only one that is broken.
    None where no broken link can be the matter.
    """
    name = error.name if isinstance(error, ImportError) else ""
    top = name.partition(".")[0] if isinstance(name, str) else ""
    # It may be a descriptor's number.
    file = error.filename if isinstance(error, PermissionError) else ""
    path = os.fsdecode(file) if isinstance(file, (str, bytes)) else ""
    if not top and not path:
        return None
    # One that was found has come from elsewhere: what is missing in it is another matter.
    top = "" if getattr(sys.modules.get(top), "__file__", None) else top
    found = [link for link in all_links(top) if leads_nowhere(link)]
    own = [link for link in found if (top and top in link["names"]) or (path and is_below(path, link["path"]))]
    if own or (top and len(found) == 1 and not found[0]["names"]):
        link = (own or found)[0]
        return dict(leads_nowhere(link), by=link["by"][:300], path=link["path"][:300], known=bool(own))
    return None


def all_links(top):
    """Every link out of the places where Python looks: {by, path, names}; names: its modules, where they are known."""
    links = [{"by": "PYTHONPATH", "path": path, "names": []} for path in os.environ.get("PYTHONPATH", "").split(":")]
    for place in dict.fromkeys(sys.path):
        entry = os.path.join(place or os.getcwd(), top)
        if top and os.path.islink(entry):
            links.append({"by": entry, "path": os.path.realpath(entry), "names": [top]})
        links += lines_of_site(place) if place.endswith("-packages") else []
    for key, module in list(sys.modules.items()):
        # What setuptools installs for an editable package whose modules do not lie in one folder.
        mapping = getattr(module, "MAPPING", None) if str(key).startswith("__editable__") else None
        for name, path in mapping.items() if isinstance(mapping, dict) else ():
            # Of a module that is one file the ending is left out.
            path = str(path) + (".py" if os.path.isfile(str(path) + ".py") else "")
            by = str(getattr(module, "__file__", "") or key)
            links.append({"by": by, "path": path, "names": [str(name).partition(".")[0]]})
    package = sys.modules.get(top)
    # A folder whose files cannot be seen is taken for a namespace package, in which nothing is.
    if package is not None and getattr(package, "__file__", None) is None:
        paths = [path for path in getattr(package, "__path__", ()) if not is_in_place(path)]
        links += [{"by": path, "path": path, "names": [top]} for path in paths]
    return [link for link in links if os.path.isabs(link["path"]) and "\0" not in link["path"]]


def is_in_place(path):
    """Whether a folder lies in the environment, or in the app's own folder: then no link leads to it."""
    own = [sys.prefix, os.getcwd(), *(place for place in sys.path if place.endswith("-packages"))]
    return any(is_below(os.path.realpath(path), os.path.realpath(folder)) for folder in own)


def lines_of_site(place):
    """The folders that the .pth files of a folder of packages name, as Python's site module reads them."""
    found = []
    for file in sorted(names_in(place)):
        if file.endswith(".pth") and not file.startswith("."):
            for line in read_lines(os.path.join(place, file)):
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    path = os.path.normpath(os.path.join(place, line.strip()))
                    found.append(
                        {"by": os.path.join(place, file), "path": path, "names": modules_brought(place, file, path)}
                    )
    return found


def modules_brought(place, file, path):
    """The modules for which a .pth file is there, as far as the package that brought it says so; else none."""
    for name in names_in(place):
        folder = os.path.join(place, name)
        own = name.endswith(".dist-info") and any(
            line.startswith((file + ",", '"' + file + '",')) for line in read_lines(os.path.join(folder, "RECORD"))
        )
        # What `setup.py develop` leaves.
        if own or (name.endswith(".egg-link") and path in [line.strip() for line in read_lines(folder)]):
            named = [line.strip() for line in read_lines(os.path.join(folder, "top_level.txt")) if line.strip()]
            package = name.rpartition(".")[0]
            package = package.partition("-")[0] if own else package.replace("-", "_")
            return named or [package.lower()]
    return []


def leads_nowhere(link):
    """{barrier, missing, owner, mode} of what keeps this account from a link's folder; None where nothing does."""
    path = os.path.realpath(link["path"])
    step, parts = "/", [part for part in path.split("/") if part]
    for part in [*parts, ""]:
        place = os.path.join(step, part) if part else step
        try:
            os.stat(place)
        except PermissionError:
            return refusing(step)
        except OSError:
            return {"barrier": place[:300], "missing": True, "owner": "", "mode": ""}
        step = place
    # Python lists a folder to find a module in it.
    can_use = os.access(path, os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK)
    return None if can_use else refusing(path)


def refusing(path):
    """A folder that this account may not enter or list, with its owner and mode."""
    status = os.stat(path)
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    return {"barrier": path[:300], "missing": False, "owner": owner, "mode": "{:04o}".format(status.st_mode & 0o7777)}


def is_below(path, folder):
    """Whether a path lies in a folder, or is it."""
    return (path + "/").startswith(folder.rstrip("/") + "/")


def names_in(folder):
    """The names in a folder; none where it cannot be listed."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def read_lines(path):
    """The lines of a small file; none where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(2**20).splitlines()
    except OSError:
        return []
