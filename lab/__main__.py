"""Command line of the lab: `.venv/bin/python -m lab --help`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import yaml

from lab import host as hosts
from lab import image, podman
from lab import shape as shapes
from lab.image_content import KEY


def parser() -> argparse.ArgumentParser:
    """The lab's command line."""
    top = argparse.ArgumentParser(
        prog="lab",
        description="Real hosts (systemd, nginx, gunicorn, Django, PostgreSQL) in podman, to break and to repair.",
        epilog="A first look: lab setup && lab up demo && lab break demo database/stopped && lab inventory demo",
    )
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("setup", help="install the Debian packages that the lab needs and this machine lacks")
    make = commands.add_parser("build", help="build hosts' images, where what they are made of has changed")
    make.add_argument("shapes", nargs="*", default=[shapes.DEFAULT], help=f"of {', '.join(shapes.names())}; or `all`")
    up = commands.add_parser("up", help="boot hosts afresh and wait until their sites answer")
    up.add_argument("names", nargs="+")
    kinds = shapes.names() + shapes.old_names()
    kind = up.add_mutually_exclusive_group()
    kind.add_argument("--shape", default=shapes.DEFAULT, choices=kinds, help="what kind of hosts (%(default)s)")
    kind.add_argument(
        "--seed", default="", help="generated hosts: a number, or `tutorial`; `17,bind=tcp` differs in that"
    )
    down = commands.add_parser("down", help="remove hosts")
    down.add_argument("names", nargs="*")
    down.add_argument("--all", action="store_true", help="all of them, and the mount namespace they live in")
    commands.add_parser("list", help="name the hosts that are up")
    execute = commands.add_parser("exec", help="run a command in a host, as root")
    execute.add_argument("name")
    execute.add_argument("words", nargs=argparse.REMAINDER)
    fault = commands.add_parser("break", help="reproduce failure modes on a host, one after another")
    fault.add_argument("name")
    fault.add_argument("faults", metavar="LAYER/NAME", nargs="+")
    snapshot = commands.add_parser("snapshot", help="print all that must not change by itself, as JSON")
    snapshot.add_argument("name")
    listing = commands.add_parser("inventory", help="print an Ansible inventory of hosts")
    listing.add_argument("names", nargs="+")
    listing.add_argument("--full", action="store_true", help="with edge checks, health and CORS, not the unit alone")
    return top


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; the exit code."""
    command = arguments.command
    if command == "setup":
        podman.setup()
    elif command == "build":
        print("\n".join(image.build_all(shapes.names() if arguments.shapes == ["all"] else arguments.shapes)))
    elif command == "up":
        up = hosts.boot(arguments.names, f"seed:{arguments.seed}" if arguments.seed else arguments.shape)
        facts = [{"name": host.name, "address": host.address(), "user": "admin", "key": str(KEY)} for host in up]
        print(json.dumps(facts, indent=1))
    elif command == "down":
        for host in hosts.running() if arguments.all else [hosts.Host(name) for name in arguments.names]:
            host.down()
        if arguments.all:
            podman.end_namespace()
    elif command == "list":
        print("\n".join(host.name for host in hosts.running()))
    elif command == "exec":
        words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
        return subprocess.run([*podman.command(), "exec", hosts.Host.find(arguments.name).container, *words]).returncode
    elif command == "break":
        broken = hosts.Host.find(arguments.name)
        for fault in arguments.faults:
            broken.break_with(fault)
    elif command == "snapshot":
        print(json.dumps(hosts.Host.find(arguments.name).snapshot(), indent=1))
    else:
        listed = hosts.inventory([hosts.Host.find(name) for name in arguments.names], arguments.full)
        print(yaml.safe_dump(listed, sort_keys=False), end="")
    return 0


def main() -> int:
    """Run, and say plainly what went wrong."""
    try:
        return run(parser().parse_args())
    except podman.LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
