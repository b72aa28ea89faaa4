"""Real hosts for tests: each test gets a fresh one, and playbooks run as a user would run them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import names
import pytest
import unharmed

import lab
from lab import playbook
from lab import shape as shapes
from lab.site import Site

# Hosts and their controllers share a few cores here: once in a thousand times sshd was not heard of within 10 s.
os.environ.setdefault("ANSIBLE_TIMEOUT", "30")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Report with a test what it has counted on hosts that are to stay as they are (tools/chaos.py)."""
    unharmed.counts.clear()
    try:
        yield
    finally:
        item.user_properties.extend(unharmed.counts.items())


@pytest.fixture(scope="session", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Ansible is imported once, not once for each play."""
    playbook.warm_up(tmp_path_factory.mktemp("ansible"))


@pytest.fixture
def site(worker_id: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A fresh host whose site answers; of the usual shape unless the test is parametrized with another's name."""
    name = names.of(worker_id)
    host = lab.Host(name, getattr(request, "param", shapes.DEFAULT)).up()
    yield Site(host, tmp_path)
    host.down()
