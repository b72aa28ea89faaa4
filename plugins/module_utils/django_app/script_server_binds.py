# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what gunicorn's own configuration says.

A configuration file may compute which app it loads, and where it listens, which of a server that is down nobody sees.
gunicorn itself is asked, as its program would read its options, variables and file; the app is not loaded by that, and
no address is opened.
"""

from __future__ import annotations

import importlib
import os
import sys


def ask_binds(plan):
    """{addresses: [{kind, host, port, path}]} of a gunicorn that is down; {} where it is not asked, or does not say."""
    if not plan["asks_binds"] or not plan["unwell"] or (server := configured(plan["argv"])) is None:
        return {}
    try:
        return {"addresses": [as_facts(address) for address in server.cfg.address]}
    except BaseException:  # an address that it refuses, which the shadow start shows
        return {}


def ask_app(plan):
    """The app as gunicorn's own configuration names it; empty where it does not say, and on a site that is well."""
    return str(getattr(configured(plan["argv"]), "app_uri", None) or "") if plan.get("unwell") else ""


def configured(argv):
    """gunicorn as its program makes it of a command line; None where the line is another's, or is refused."""
    words = [os.path.expandvars(word) for word in argv]
    after = [number for number, word in enumerate(words) if os.path.basename(word).startswith("gunicorn")]
    if not after or any("$" in word for word in words):
        return None
    kept, sys.argv = sys.argv, words[after[0] :]
    try:
        # It reads sys.argv, GUNICORN_CMD_ARGS and the file as it is made (gunicorn/app/base.py).
        return importlib.import_module("gunicorn.app.wsgiapp").WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]")
    except BaseException:  # it calls sys.exit where it refuses its configuration, which the shadow start shows
        return None
    finally:
        sys.argv = kept


def load_worker(plan):
    """Import the kind of worker that gunicorn is configured to have. Raises what keeps it from being imported.

    gunicorn's own words say only that it is not found, or which version it wants.
    """
    # Its configuration file is run by that, which a site that is well is spared.
    server = configured(plan["argv"]) if plan["server"] == "gunicorn" and plan.get("unwell") else None
    kind = str(server.cfg.settings["worker_class"].get()) if server is not None else ""
    if not kind:
        return
    known = importlib.import_module("gunicorn.workers").SUPPORTED_WORKERS.get(kind, kind)
    module = known.rpartition(".")[0]
    if not module or ":" in module:
        return
    try:
        importlib.import_module(module)
    except RuntimeError as error:
        raise (error.__cause__ or error.__context__ or error) from None


def as_facts(address):
    """An address as gunicorn has parsed it: a path, a host and port, or the number of an inherited socket."""
    if isinstance(address, int):
        return {"kind": "fd", "host": "", "port": 0, "path": ""}
    if isinstance(address, (str, bytes)):
        return {"kind": "unix", "host": "", "port": 0, "path": os.fsdecode(address)}
    return {"kind": "tcp", "host": str(address[0]), "port": int(address[1]), "path": ""}
