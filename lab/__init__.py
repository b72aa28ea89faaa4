"""The lab: real hosts (systemd, nginx, gunicorn, Django, PostgreSQL) in podman, to break and to repair.

What is imported here imports nothing of the collection: a play's fork (playbook.py) comes by here before Ansible has
put its own loader of collections in place.
"""

from lab.host import Host, boot, running

__all__ = ["Host", "boot", "running"]
