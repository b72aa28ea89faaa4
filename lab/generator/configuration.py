"""The configuration of a generated host: its unit, nginx's site, its variables, written as the choices say."""

from __future__ import annotations

from pathlib import Path
from random import Random

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab import image_content
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
        "writable": _writable(shape),
    }  # fmt: skip
    (folder / "rendered").mkdir()
    wanted = {"app.service": "app.service", "nginx-site.conf": f"nginx/{c.proxy}.conf", "environment": "environment"}
    if shape.activation:
        wanted["app.socket"] = "app.socket"
    for name, template in wanted.items():
        text = environment.get_template(template + ".j2").render(values)
        (folder / "rendered" / name).write_text(text, encoding="utf-8")
    if file_lines:
        (folder / "app" / "gunicorn.conf.py").write_text("\n".join(file_lines) + "\n", encoding="utf-8")


def command(shape: GeneratedShape, options: list[str]) -> str:
    """The words of ExecStart=."""
    c, programs = shape.choices, f"{shape.venv}/bin"
    app = f"{shape.package}.{'asgi' if shape.worker == 'uvicorn' else 'wsgi'}:application"
    if c.server == "uvicorn":
        where = f"--uds {shape.socket}" if shape.socket else f"--host 127.0.0.1 --port {shape.bind.rpartition(':')[2]}"
        return f"{programs}/uvicorn {app} {where} --workers 2"
    if c.server == "hypercorn":
        return f"{programs}/hypercorn {app} --bind {shape.bind} --umask 0 --workers 2"
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


def _writable(shape: GeneratedShape) -> list[str]:
    """Where a strictly hardened app may write."""
    found = [f"{shape.root}/media", f"-{shape.log_dir}", *([f"{shape.root}/db"] if shape.database == "sqlite" else [])]
    return [*found, *([f"{shape.root}/run"] if shape.choices.bind == "folder" and not shape.activation else [])]
