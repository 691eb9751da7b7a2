"""Templates of log lines as a plain callable, for programs that measure them on logs with known statements."""

from rootcoz.grouping.template import normalise

__all__ = ["normalise"]
