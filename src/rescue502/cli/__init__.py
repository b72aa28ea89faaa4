"""The command line of rescue502. Each command is registered where it is defined, in the order of --help."""

from rescue502.cli import playbooks as playbooks, pausing as pausing, watching as watching  # isort: skip
from rescue502.cli import reading as reading, demo as demo  # isort: skip
from rescue502.cli.application import app, main

__all__ = ["app", "main"]
