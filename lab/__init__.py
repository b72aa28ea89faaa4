"""The lab: real hosts (systemd, nginx, gunicorn, Django, PostgreSQL) in podman, to break and to mend."""

from lab.host import Host, boot, running

__all__ = ["Host", "boot", "running"]
