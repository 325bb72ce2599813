"""Look-ups of a shop's API over HTTP: the port LookUps of core/ports.py."""

from adapters.lookup.http import HttpLookUps, open_look_ups

__all__ = ["HttpLookUps", "open_look_ups"]
