# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: whether the app server takes a request for https.

Before Django sees a request, the server has judged the headers that a proxy sends: gunicorn by forwarded_allow_ips and
secure_scheme_headers, uvicorn by its ProxyHeadersMiddleware. Their own code is asked with their own options. gunicorn's
configuration file is read, never run: on a healthy site its hooks have no business. What is not known is either.
"""

from __future__ import annotations

import ast
import importlib
import os

EITHER = ("http", "https")
# Workers that read a request with gunicorn's own parser.
GUNICORN_WORKERS = ("sync", "gthread", "gevent", "eventlet")
SCHEME_SETTINGS = ("forwarded_allow_ips", "secure_scheme_headers", "worker_class", "header_map", "forwarder_headers")


class RefusedByServerError(Exception):
    """The server answers by itself, and Django never sees the request."""


def server_schemes(plan, headers, peer):
    """The schemes that the server may give a request: one where that is known, both where it is not.

    headers: by their names in lower case. peer: the address that a connection without TLS comes from; empty of a Unix
    socket, None where it is not known. Raises RefusedByServerError.
    """
    words = [os.path.expandvars(word) for word in plan["argv"]]
    after = [number for number, word in enumerate(words) if os.path.basename(word).startswith(plan["server"])]
    if peer is None or not after or any("$" in word for word in words):
        return EITHER
    words = words[after[0] + 1 :]
    try:
        if plan["server"] == "uvicorn":
            context = importlib.import_module("uvicorn.main").main.make_context(
                "uvicorn", words, resilient_parsing=True
            )
            names = ("proxy_headers", "forwarded_allow_ips")
            return uvicorn_scheme({name: context.params[name] for name in names}, headers, peer)
        if plan["server"] == "hypercorn":
            # It goes by its own connection; what would change that is a part of the app (ProxyFixMiddleware).
            return ("http",)
        return gunicorn_scheme(words, headers, peer) if plan["server"] == "gunicorn" else EITHER
    except RefusedByServerError:
        raise
    except BaseException:  # argparse calls sys.exit, and versions differ
        return EITHER


def gunicorn_scheme(words, headers, peer):
    """By gunicorn's own parser of requests. Raises what that raises of what it does not know."""
    config = gunicorn_settings(words)
    worker = str(config.settings["worker_class"].get())
    if "uvicorn" in worker.lower():
        own = importlib.import_module("gunicorn.util").load_class(worker).CONFIG_KWARGS
        return uvicorn_scheme(dict({"forwarded_allow_ips": config.forwarded_allow_ips}, **own), headers, peer)
    if worker not in GUNICORN_WORKERS:
        return EITHER
    lines = ["{}: {}\r\n".format(name, value) for name, value in headers.items()]
    text = "GET / HTTP/1.0\r\n" + "".join(lines) + "\r\n"
    parser = importlib.import_module("gunicorn.http.parser").RequestParser
    errors = importlib.import_module("gunicorn.http.errors")
    try:
        return (next(parser(config, iter([text.encode("latin-1")]), (peer, 1) if peer else "")).scheme,)
    except errors.ParseException as error:
        raise RefusedByServerError(type(error).__name__) from error


def gunicorn_settings(words):
    """Its configuration, of which only what decides the scheme is put in: file, GUNICORN_CMD_ARGS, command line.

    ValueError where the file computes such a setting.
    """
    config = importlib.import_module("gunicorn.config").Config()
    given = vars(config.parser().parse_args(words))
    of_variable = vars(config.parser().parse_args(config.get_cmd_args_from_env()))
    path = given.get("config") or of_variable.get("config") or "./gunicorn.conf.py"
    for found in (scheme_literals(path), of_variable, given):
        for name in SCHEME_SETTINGS:
            if found.get(name) is not None:
                config.set(name, found[name])
    return config


def scheme_literals(path):
    """{name: value} of what a configuration file assigns of these settings. ValueError where that is not a literal."""
    path = path[len("file:") :] if path.startswith("file:") else path
    if path.startswith("python:"):
        raise ValueError(path)
    if path == "./gunicorn.conf.py" and not os.path.exists(path):
        return {}
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
        raise ValueError(path)
    plain = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    own = [node for node in plain if node.targets[0].id in SCHEME_SETTINGS]
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    if len([name for name in stored if name in SCHEME_SETTINGS]) != len(own):
        raise ValueError(path)
    return {node.targets[0].id: ast.literal_eval(node.value) for node in own}


def uvicorn_scheme(options, headers, peer):
    """By uvicorn's own middleware, set up as its configuration would."""
    asyncio, uvicorn = importlib.import_module("asyncio"), importlib.import_module("uvicorn")
    names = ("proxy_headers", "forwarded_allow_ips")
    config = uvicorn.Config("none:none", log_config=None, **{name: options[name] for name in names if name in options})
    if not config.proxy_headers:
        return ("http",)
    seen = {}

    async def application(scope, _receive, _send):
        seen.update(scope)

    middleware = importlib.import_module("uvicorn.middleware.proxy_headers").ProxyHeadersMiddleware
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "scheme": "http", "client": (peer, 1) if peer else None, "headers": pairs}
    asyncio.run(middleware(application, trusted_hosts=config.forwarded_allow_ips)(scope, None, None))
    return (seen["scheme"],)
