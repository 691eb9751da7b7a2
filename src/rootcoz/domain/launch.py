"""Launches of Report Portal, as people name them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaunchRef:
    """A launch as a person names it: by its uuid, or by its name with Report Portal's number."""

    uuid: str = ""
    name: str = ""
    number: int | None = None
