"""Hosts that nobody wrote: a seed draws how a site is laid out, served, configured and hardened (docs/fuzzing.md)."""
