"""Names of tests and jobs in addresses: they hold slashes, and some hold line breaks.

The web framework's own `path` stops at a line break, and the address is then nobody's.
"""

from starlette.convertors import PathConvertor, register_url_convertor


class NameConvertor(PathConvertor):
    """Any text."""

    regex = "(?s:.*)"


register_url_convertor("name", NameConvertor())


def named(parameter: str) -> str:
    """The place in a route's address for a whole name."""
    return f"{{{parameter}:name}}"
