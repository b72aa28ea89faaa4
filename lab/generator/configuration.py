"""The configuration of a generated host: its unit, nginx's site, its variables, written as the choices say."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab import image_content
from lab.generator.choices import GUNICORN
from lab.generator.shape import GeneratedShape

TEMPLATES = Path(__file__).parent / "templates"
HARDENING = {
    "none": [],
    "some": ["NoNewPrivileges=yes", "PrivateTmp=yes", "ProtectSystem=full", "ProtectKernelTunables=yes"],
    "strict": [
        "NoNewPrivileges=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectSystem=strict", "ProtectClock=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "LimitNOFILE=4096", "UMask=0027",
    ],
}  # fmt: skip
WORKERS = {"sync": [], "gthread": ["--threads 4"], "gevent": ["-k gevent"],
           "uvicorn-worker": ["--worker-class uvicorn.workers.UvicornWorker"]}  # fmt: skip


def render(shape: GeneratedShape, variables: dict[str, str], folder: Path) -> None:
    """Write rendered/ and what belongs to the code."""
    c = shape.choices
    options, file_lines = gunicorn_options(shape)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    values = {
        "shape": shape, "c": c, "facts": shape.facts(), "variables": variables, "secrets": image_content.SECRETS,
        "command": command(shape, options), "hardening": HARDENING[c.hardening],
        "gunicorn_args": " ".join(options[1:]) if c.written == "args" else "",
        "address": f"unix:{shape.socket}" if shape.socket else shape.bind,
        "writable": _writable(shape), "server_variables": server_variables(shape),
    }  # fmt: skip
    (folder / "rendered").mkdir()
    wanted = {"app.service": "app.service", "nginx-site.conf": f"nginx/{c.proxy}.conf", "environment": "environment"}
    if shape.activation:
        wanted["app.socket"] = "app.socket"
    for name, template in wanted.items():
        text = environment.get_template(template + ".j2").render(values)
        if name == "nginx-site.conf" and c.server == "uwsgi":
            text = _by_uwsgi(text)
        (folder / "rendered" / name).write_text(text, encoding="utf-8")
    files = {"gunicorn.conf.py": file_lines} if c.server in GUNICORN else server_file(shape)
    for name, lines in files.items():
        if lines:
            (folder / "app" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(shape: GeneratedShape, options: list[str]) -> str:
    """The words of ExecStart=."""
    c, programs = shape.choices, f"{shape.venv}/bin"
    app = f"{shape.package}.{'asgi' if shape.worker == 'uvicorn' else 'wsgi'}:application"
    configured = c.written == "configured"
    port = shape.bind.rpartition(":")[2]
    if c.server == "uvicorn":
        where = f" --uds {shape.socket}" if shape.socket else f" --host 127.0.0.1 --port {port}"
        return f"{programs}/uvicorn {app}" + ("" if configured else f"{where} --workers 2")
    if c.server == "hypercorn":
        options = [f"-c {shape.root}/hypercorn.toml"] if configured else []
        return " ".join([f"{programs}/hypercorn", *options, app]) + (
            "" if configured else f" --bind {shape.bind} --umask 0 --workers 2"
        )
    if c.server == "daphne":
        return f"{programs}/daphne " + (f"-u {shape.socket}" if shape.socket else f"-b 127.0.0.1 -p {port}") + f" {app}"
    if c.server.startswith("uwsgi"):
        words = [f"--{option.removesuffix('=true')}" for option in _uwsgi(shape)]
        # Whose value is optional takes none as a word of its own.
        words = [word if word.startswith("--chmod") else word.replace("=", " ") for word in words]
        return " ".join([f"{programs}/uwsgi", *([f"--ini {shape.root}/uwsgi.ini"] if configured else words)])
    if c.written == "short":
        app = app.partition(":")[0]
    gunicorn = f"{programs}/python -m gunicorn" if c.written == "module" else f"{programs}/gunicorn"
    if c.written == "shuffled":
        words = [app, *options, "--umask 007", "--log-level info", f"-n {c.name}"]
        Random(c.number).shuffle(words)
        return " ".join([gunicorn, *words])
    if c.written == "args":
        return " ".join([gunicorn, app])
    if c.written == "file":
        return f"{gunicorn} -c {shape.root}/gunicorn.conf.py {app}"
    return " ".join([gunicorn, *options, app])


def gunicorn_options(shape: GeneratedShape) -> tuple[list[str], list[str]]:
    """gunicorn's options as words, and the lines of its configuration file where that has them."""
    c = shape.choices
    logs = ["-"] * 2 if c.logs == "journal" else [f"{shape.log_dir}/access.log", f"{shape.log_dir}/error.log"]
    bind = [] if shape.activation and c.name != "myproject" else [f"--bind {shape.bind}"]
    options = [
        *bind,
        "--workers 2",
        *WORKERS.get(c.server, []),
        f"--access-logfile {logs[0]}",
        f"--error-logfile {logs[1]}",
    ]
    if c.written == "args":
        return ["", *options], []
    if c.written != "file":
        return options, []
    lines = ['"""How gunicorn runs here."""', "", *([f'bind = "{shape.bind}"'] if bind else []), "workers = 2"]
    lines += {"gthread": ["threads = 4"], "gevent": ['worker_class = "gevent"'],
              "uvicorn-worker": ['worker_class = "uvicorn.workers.UvicornWorker"']}.get(c.server, [])  # fmt: skip
    return [], [*lines, f'accesslog = "{logs[0]}"', f'errorlog = "{logs[1]}"']


def _by_uwsgi(text: str) -> str:
    """An nginx site that speaks to its app by uWSGI's own protocol."""
    text = re.sub(r"^ *(proxy_set_header (Host|X-Forwarded-For|Connection)|proxy_\w+ (1\.1|off)|include proxy).*\n", "",
                  text, flags=re.MULTILINE)  # fmt: skip
    text = text.replace("proxy_set_header X-Forwarded-Proto", "uwsgi_param HTTP_X_FORWARDED_PROTO")
    text = text.replace("proxy_read_timeout", "uwsgi_read_timeout")
    return text.replace("proxy_pass http://", "include uwsgi_params;\n        uwsgi_pass ")


def server_file(shape: GeneratedShape) -> dict[str, list[str]]:
    """The configuration file of a server that is not gunicorn, by its name."""
    c = shape.choices
    if c.written != "configured":
        return {}
    if c.server == "hypercorn":
        return {"hypercorn.toml": [f'bind = ["{shape.bind}"]', "workers = 2", "umask = 0"]}
    if c.server.startswith("uwsgi"):
        return {"uwsgi.ini": ["[uwsgi]", f"home = {shape.venv}", *(line.replace("=", " = ") for line in _uwsgi(shape))]}
    return {}


def _uwsgi(shape: GeneratedShape) -> list[str]:
    """uWSGI's options, as name=value."""
    c = shape.choices
    kind = "socket" if c.server == "uwsgi" else "http-socket"
    options = [f"chdir={shape.root}", f"module={shape.package}.wsgi:application", "master=true", "processes=2",
               f"{kind}={shape.socket or shape.bind}", "vacuum=true", "die-on-term=true"]  # fmt: skip
    # Without it, uWSGI runs on without an app and answers 500.
    options += ["need-app=true"] if c.number % 2 else []
    return [*options, *(["chmod-socket=660"] if shape.socket else [])]


def server_variables(shape: GeneratedShape) -> dict[str, str]:
    """The variables that say where uvicorn listens."""
    if shape.choices.server != "uvicorn" or shape.choices.written != "configured":
        return {}
    where = (
        {"UVICORN_UDS": shape.socket}
        if shape.socket
        else {"UVICORN_HOST": "127.0.0.1", "UVICORN_PORT": shape.bind.rpartition(":")[2]}
    )
    return where | {"UVICORN_WORKERS": "2"}


def _writable(shape: GeneratedShape) -> list[str]:
    """Where a strictly hardened app may write."""
    found = [f"{shape.root}/media", f"-{shape.log_dir}", *([f"{shape.root}/db"] if shape.database == "sqlite" else [])]
    return [*found, *([f"{shape.root}/run"] if shape.choices.bind == "folder" and not shape.activation else [])]
