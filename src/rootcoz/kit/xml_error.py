"""The one error of reading XML."""


class XmlError(ValueError):
    """A document that cannot or must not be read.

    The message starts with `it` or `its`, says what is wrong and what to do, and quotes next to nothing.
    """
