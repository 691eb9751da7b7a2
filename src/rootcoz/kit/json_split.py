"""Takes a big JSON object apart while it arrives, so that no big part of it is ever in memory whole.

Enters: the bytes of one JSON document in UTF-8, in any chunks. Leave, by path: long strings, unescaped, to a
file each (`StringRule`); the items of long arrays, parsed, one by one to a callback (`ItemsRule`); and the
rest, parsed at the end, with `null` in the place of each such string and `[]` in that of each such array.
Errors:

    JsonSplitError (a ValueError)
    ├── MalformedJson       no JSON object, by the rules below; `offset` says where
    ├── DuplicateKey        a key that leads to a streamed value stands twice in its object
    ├── TooLong             over the limit of a rule, or of the rest; `path` and `limit` say which
    └── NestedTooDeep

The verdict is orjson's. This module only finds the ends of things, by their quotes and brackets, and cuts;
each piece and the rest are then parsed by orjson. Cutting is safe: if every piece is a JSON value and the
rest is JSON with a value in each piece's place, then the whole is JSON. Stricter than Python's `json`: no
NaN or Infinity, no number too large for a float, no lone surrogate, no byte order mark. Of equal keys the
last one counts, as in `json`, except on the way to a streamed value, where the first one may have been
handed out already.

What was handed out before an error is for the caller to throw away. After an error a splitter is of no more
use.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import orjson

JsonPath = tuple[str | int, ...]
"""Where a value stands: keys of objects and indices of arrays, from the top."""
JsonPattern = tuple[str, ...]
"""A path with `*` for the items of an array. There is no pattern for a key named `*`."""

REST_LIMIT = 1_000_000
"""Bytes of everything that no rule takes, unless the caller says otherwise. Parsed in one call."""
DEPTH_LIMIT = 100
"""Objects and arrays inside each other, unless the caller says otherwise. orjson itself stops at 1,024."""
ITEM_LIMIT = 1_000_000
"""Bytes of one item, unless its rule says otherwise. Parsed in one call, which stops all threads for that
time."""
WINDOW = 65_536
"""Bytes looked at in one call of a C function, however large a chunk is."""

_SPACE = re.compile(rb"[ \t\n\r]*+")
# Up to the end of a scalar: anything that may follow a value ends it. Whether it is one, orjson says.
_SCALAR = re.compile(rb"[^ \t\n\r,\]}]*+")
# The inside of a string, up to its closing quote, or to a backslash that is the last byte so far.
_TAIL = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
# Everything but brackets; stops early at the opening quote of a string whose end is not there yet.
_FLAT = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
# The inside of a string in units that may be decoded apart: an escaped surrogate pair is never cut in two.
_UNITS = re.compile(
    rb'[^"\\]*+(?:(?:\\[^u]|\\u(?![dD][89abAB])....|\\u[dD][89abAB]..\\u....)[^"\\]*+)*+', re.DOTALL
)
_LONGEST_UNIT = 12
"""Bytes of an escaped surrogate pair."""

_QUOTE, _COMMA, _COLON, _BACKSLASH = b'",:\\'
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = b"{}[]"
_OPENING = b"{["


class JsonSplitError(ValueError):
    """The document is not accepted; the branches say why."""


class MalformedJson(JsonSplitError):
    """It is not one JSON object. `offset` counts bytes from the document's start."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"not valid JSON at byte {offset}: {reason}")
        self.offset = offset


class DuplicateKey(JsonSplitError):
    """A key on the way to a streamed value stands twice in its object."""

    def __init__(self, path: JsonPath) -> None:
        super().__init__(f"`{dotted(path)}` is given twice")
        self.path = path


class TooLong(JsonSplitError):
    """A part is over its limit. `path` is empty for the rest that no rule takes."""

    def __init__(self, path: JsonPath, limit: int, unit: str) -> None:
        subject = f"`{dotted(path)}` has" if path else "the document without its large parts has"
        super().__init__(f"{subject} more than {limit} {unit}")
        self.path = path
        self.limit = limit
        self.unit = unit
        """`characters` for strings, `bytes` for items and the rest, `items` for arrays."""


class NestedTooDeep(JsonSplitError):
    """More than `limit` objects and arrays inside each other."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} objects and arrays inside each other")
        self.limit = limit


def dotted(path: JsonPath) -> str:
    """A path as people write it: `reports[2].xml`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


class Sink(Protocol):
    """What a string is written to: a file opened in binary mode, for example. It is never closed here."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes, in UTF-8, at most some 64 kB."""
        ...


@dataclass(frozen=True, slots=True)
class StringRule:
    """Stream each string at `pattern`. Other values there, null for example, stay in the rest."""

    pattern: JsonPattern
    open: Callable[[JsonPath], Sink]
    """Called when such a string begins."""
    max_chars: int
    """Unicode characters, after unescaping."""


@dataclass(frozen=True, slots=True)
class ItemsRule:
    """Hand out each item of an array; `pattern` ends with `*`. Values that are no array stay in the rest."""

    pattern: JsonPattern
    take: Callable[[JsonPath, object], None]
    """Called with the item's path and what `orjson.loads` makes of it, in order."""
    max_items: int
    max_item_bytes: int = ITEM_LIMIT


@dataclass(frozen=True, slots=True)
class Split:
    """What is known at the end."""

    rest: dict[str, object]
    """The document with `null` for each streamed string and `[]` for each streamed array."""
    strings: dict[JsonPath, int]
    """Length in characters of each streamed string; says whether a `null` in the rest stands for one."""
    items: dict[JsonPath, int]
    """Number of items of each streamed array."""


@dataclass(slots=True)
class _Node:
    """What the rules say about one kind of place."""

    keys: dict[str, "_Node"] = field(default_factory=dict)
    each: "_Node | None" = None
    string: StringRule | None = None
    items: ItemsRule | None = None


@dataclass(slots=True)
class _Frame:
    """An open object or array that rules look into."""

    node: _Node
    is_array: bool
    seen: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _OpenString:
    """A string that is being streamed."""

    rule: StringRule
    path: JsonPath
    sink: Sink
    chars: int = 0

    def write(self, text: str) -> None:
        self.chars += len(text)
        if self.chars > self.rule.max_chars:
            raise TooLong(self.path, self.rule.max_chars, "characters")
        self.sink.write(text.encode())


@dataclass(slots=True)
class _OpenArray:
    """An array whose items are being handed out."""

    rule: ItemsRule
    path: JsonPath
    count: int = 0

    def check_size(self, size: int) -> None:
        if size > self.rule.max_item_bytes:
            raise TooLong((*self.path, self.count), self.rule.max_item_bytes, "bytes")

    def check_count(self) -> None:
        if self.count == self.rule.max_items:
            raise TooLong(self.path, self.rule.max_items, "items")

    def take(self, item: object) -> None:
        self.rule.take((*self.path, self.count), item)
        self.count += 1


def _tree(rules: Sequence[StringRule | ItemsRule]) -> _Node:
    root = _Node()
    for rule in rules:
        *way, last = rule.pattern
        if isinstance(rule, ItemsRule) and last != "*":
            raise ValueError(f"the pattern of items must end with `*`: {rule.pattern}")
        node = root
        for step in way if isinstance(rule, ItemsRule) else rule.pattern:
            node = _below(node, step)
        if node is root or node.string or node.items:
            raise ValueError(f"two rules for one place, or one for the whole document: {rule.pattern}")
        if isinstance(rule, ItemsRule):
            node.items = rule
        else:
            node.string = rule
        if node.items and node.each:
            raise ValueError(f"rules for an array's items and for what is in them: {rule.pattern}")
    return root


def _below(node: _Node, step: str) -> _Node:
    if step != "*":
        return node.keys.setdefault(step, _Node())
    if node.items:
        raise ValueError("rules for an array's items and for what is in them")
    node.each = node.each or _Node()
    return node.each


class JsonSplitter:
    """Feed it the document, then close it. Not safe to use from two threads at once."""

    def __init__(
        self,
        rules: Sequence[StringRule | ItemsRule],
        *,
        max_rest_bytes: int = REST_LIMIT,
        max_depth: int = DEPTH_LIMIT,
    ) -> None:
        self._tree = _tree(rules)
        self._max_rest = max_rest_bytes
        self._max_depth = max_depth
        self._buffer = bytearray()
        self._base = 0  # Offset in the document of the buffer's first byte.
        self._mark = 0  # What lies before it is dealt with.
        self._at = 0  # What lies before it has been looked at.
        self._skeleton = bytearray()
        self._cuts = [(0, 0)]  # Skeleton from this length on: document from that offset on.
        self._frames: list[_Frame] = []
        self._path: list[str | int] = []
        self._strings: dict[JsonPath, int] = {}
        self._items: dict[JsonPath, int] = {}
        self._step: Callable[[], bool] = self._at_start
        self._key_start = 0
        self._depth = 0  # Of brackets within the value that is being skipped.
        self._in_string = False
        self._skipped: Callable[[], None] = self._value_done
        self._array: _OpenArray | None = None
        self._ended = False

    # --- the caller's side ---------------------------------------------------------------------

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; calls the rules' functions for what they complete."""
        for start in range(0, len(chunk), WINDOW):
            self._buffer += chunk[start : start + WINDOW]
            while self._at < len(self._buffer) and self._step():
                pass
            self._tidy()

    def close(self) -> Split:
        """The end of the document. Parses the rest, which no rule took."""
        if not self._ended:
            raise MalformedJson("the document ends too early", self._base + len(self._buffer))
        try:
            rest = orjson.loads(self._skeleton)
        except orjson.JSONDecodeError as error:
            raise MalformedJson(error.msg, self._offset_in_document(error)) from None
        return Split(rest, self._strings, self._items)

    # --- the buffer ----------------------------------------------------------------------------

    def _tidy(self) -> None:
        """Let go of what is dealt with, and see that what is not stays within its limit."""
        if self._array:
            self._array.check_size(self._at - self._mark)
        elif self._step != self._in_key:
            self._keep(self._at)
        elif len(self._skeleton) + self._at - self._mark > self._max_rest:
            raise TooLong((), self._max_rest, "bytes")
        del self._buffer[: self._mark]
        self._base += self._mark
        self._at -= self._mark
        self._key_start -= self._mark
        self._mark = 0

    def _keep(self, end: int) -> None:
        """Move the text up to `end` to the skeleton."""
        self._skeleton += self._buffer[self._mark : end]
        self._mark = end
        if len(self._skeleton) > self._max_rest:
            raise TooLong((), self._max_rest, "bytes")

    def _drop(self, end: int) -> None:
        """Forget the text up to `end`: it has been handed out."""
        self._mark = end

    def _continue_skeleton(self) -> None:
        """Note that the skeleton goes on with what follows here."""
        self._cuts.append((len(self._skeleton), self._base + self._mark))

    def _offset_in_document(self, error: orjson.JSONDecodeError) -> int:
        """Where an error in the skeleton stands in the document."""
        place = len(self._skeleton.decode(errors="replace")[: error.pos].encode(errors="replace"))
        length, offset = next(cut for cut in reversed(self._cuts) if cut[0] <= place)
        return offset + place - length

    def _malformed(self, reason: str) -> MalformedJson:
        return MalformedJson(reason, self._base + self._at)

    def _next(self) -> int | None:
        """The next byte that is no space; None if there is none yet."""
        found = _SPACE.match(self._buffer, self._at)
        self._at = found.end() if found else self._at
        return self._buffer[self._at] if self._at < len(self._buffer) else None

    # --- steps in objects and arrays that rules look into. Each returns False to wait for more bytes -------

    def _at_start(self) -> bool:
        if (byte := self._next()) is None:
            return False
        if byte != _OPEN_OBJECT:
            raise self._malformed("a JSON object was expected")
        self._enter(self._tree, is_array=False)
        return True

    def _enter(self, node: _Node, *, is_array: bool) -> None:
        self._at += 1
        self._check_depth(1)
        self._frames.append(_Frame(node, is_array))
        self._step = self._at_first

    def _at_first(self) -> bool:
        """After an opening bracket."""
        if (byte := self._next()) is None:
            return False
        frame = self._frames[-1]
        if byte == (_CLOSE_ARRAY if frame.is_array else _CLOSE_OBJECT):
            self._leave()
        elif frame.is_array:
            self._path.append(0)
            self._step = self._at_value
        else:
            self._step = self._at_key
        return True

    def _at_key(self) -> bool:
        if (byte := self._next()) is None:
            return False
        if byte != _QUOTE:
            raise self._malformed("a key in quotes was expected")
        self._key_start = self._at
        self._at += 1
        self._step = self._in_key
        return True

    def _in_key(self) -> bool:
        if not self._pass_string():
            return False
        key = str(self._parse(self._key_start, self._at))
        self._path.append(key)
        frame = self._frames[-1]
        if key in frame.node.keys:
            if key in frame.seen:
                raise DuplicateKey(tuple(self._path))
            frame.seen.add(key)
        self._step = self._at_colon
        return True

    def _at_colon(self) -> bool:
        if (byte := self._next()) is None:
            return False
        if byte != _COLON:
            raise self._malformed("a colon was expected")
        self._at += 1
        self._step = self._at_value
        return True

    def _at_value(self) -> bool:
        if (byte := self._next()) is None:
            return False
        frame = self._frames[-1]
        node = frame.node.each if frame.is_array else frame.node.keys.get(str(self._path[-1]))
        if node is None:
            self._skip(byte, self._value_done)
        elif byte == _QUOTE and node.string:
            self._begin_string(node.string)
        elif byte == _OPEN_ARRAY and node.items:
            self._begin_items(node.items)
        elif byte == _OPEN_OBJECT and node.keys:
            self._enter(node, is_array=False)
        elif byte == _OPEN_ARRAY and node.each:
            self._enter(node, is_array=True)
        else:
            self._skip(byte, self._value_done)
        return True

    def _value_done(self) -> None:
        self._step = self._after_value

    def _after_value(self) -> bool:
        if (byte := self._next()) is None:
            return False
        frame = self._frames[-1]
        if byte == _COMMA:
            last = self._path.pop()
            if frame.is_array:
                self._path.append(int(last) + 1)
            self._step = self._at_value if frame.is_array else self._at_key
            self._at += 1
        elif byte == (_CLOSE_ARRAY if frame.is_array else _CLOSE_OBJECT):
            self._path.pop()
            self._leave()
        else:
            raise self._malformed("a comma or a closing bracket was expected")
        return True

    def _leave(self) -> None:
        self._at += 1
        self._frames.pop()
        self._ended = not self._frames
        self._step = self._after_end if self._ended else self._after_value

    def _after_end(self) -> bool:
        if self._next() is not None:
            raise self._malformed("nothing was expected after the end")
        return False

    # --- values that nobody looks into ------------------------------------------------------------

    def _skip(self, byte: int, done: Callable[[], None]) -> None:
        """Go on behind the value that begins here, then call `done`."""
        self._skipped = done
        if byte == _QUOTE:
            self._at += 1
            self._step = self._in_skipped_string
        elif byte in _OPENING:
            self._depth = 0
            self._in_string = False
            self._step = self._in_brackets
        elif byte in {_COMMA, _CLOSE_ARRAY, _CLOSE_OBJECT}:
            raise self._malformed("a value was expected")
        else:
            self._step = self._in_scalar

    def _in_scalar(self) -> bool:
        found = _SCALAR.match(self._buffer, self._at)
        self._at = found.end() if found else self._at
        if self._at == len(self._buffer):
            return False
        self._skipped()
        return True

    def _in_skipped_string(self) -> bool:
        if not self._pass_string():
            return False
        self._skipped()
        return True

    def _pass_string(self) -> bool:
        """Go on behind the closing quote; False when it is not there yet."""
        found = _TAIL.match(self._buffer, self._at)
        self._at = found.end() if found else self._at
        if self._at == len(self._buffer) or self._buffer[self._at] != _QUOTE:
            return False
        self._at += 1
        return True

    def _in_brackets(self) -> bool:
        """Count brackets, of whichever kind: orjson will say whether they match."""
        buffer = self._buffer
        if self._in_string:
            if not self._pass_string():
                return False
            self._in_string = False
        if not self._pass_brackets():
            # What is left is no bracket: nothing, or a string whose end is not there yet.
            if self._at < len(buffer):
                self._at += 1
                self._in_string = not self._pass_string()
            return False
        self._skipped()
        return True

    def _pass_brackets(self) -> bool:
        """Go on behind the bracket that closes the first one; False when it is not there yet.

        The one loop that a hostile body can make long, at a turn for each bracket: hence the local variables.
        """
        buffer, match = self._buffer, _FLAT.match
        room = self._max_depth - len(self._frames) - bool(self._array)
        at, depth, end = self._at, self._depth, len(self._buffer)
        while found := match(buffer, at):
            at = found.end()
            if at == end or (byte := buffer[at]) == _QUOTE:
                break
            at += 1
            if byte in _OPENING:
                depth += 1
                if depth > room:
                    raise NestedTooDeep(self._max_depth)
            elif depth == 1:
                self._at = at
                return True
            else:
                depth -= 1
        self._at, self._depth = at, depth
        return False

    def _check_depth(self, more: int) -> None:
        if len(self._frames) + bool(self._array) + more > self._max_depth:
            raise NestedTooDeep(self._max_depth)

    # --- streamed strings -------------------------------------------------------------------------

    def _begin_string(self, rule: StringRule) -> None:
        self._keep(self._at)
        self._skeleton += b"null"
        self._at += 1
        self._drop(self._at)
        path = tuple(self._path)
        self._step = partial(self._in_streamed_string, _OpenString(rule, path, rule.open(path)))

    def _in_streamed_string(self, string: _OpenString) -> bool:
        buffer = self._buffer
        found = _UNITS.match(buffer, self._at)
        end = found.end() if found else self._at
        stop = buffer[end] if end < len(buffer) else None
        if stop == _BACKSLASH and len(buffer) - end >= _LONGEST_UNIT:
            self._at = end
            raise self._malformed("half of a surrogate pair")
        if stop is None:
            end = _whole_characters(buffer, end)
        if end > self._mark:
            string.write(str(self._parse(self._mark, end, quote=b'"')))
        self._at = end if stop != _QUOTE else end + 1
        self._drop(self._at)
        if stop != _QUOTE:
            return False
        self._strings[string.path] = string.chars
        self._continue_skeleton()
        self._value_done()
        return True

    def _parse(self, start: int, end: int, quote: bytes = b"") -> object:
        """What orjson makes of this part of the buffer, put between quotes if asked."""
        part = self._buffer[start:end]
        piece = quote + part + quote if quote else part
        try:
            return orjson.loads(piece)
        except orjson.JSONDecodeError as error:
            before = len(piece.decode(errors="replace")[: error.pos].encode(errors="replace"))
            place = min(max(before - len(quote), 0), end - start)
            raise MalformedJson(error.msg, self._base + start + place) from None

    # --- streamed arrays --------------------------------------------------------------------------

    def _begin_items(self, rule: ItemsRule) -> None:
        self._check_depth(1)
        self._at += 1
        self._keep(self._at)
        self._array = array = _OpenArray(rule, tuple(self._path))
        self._step = partial(self._at_first_item, array)

    def _next_outside_items(self) -> int | None:
        """As `_next`, forgetting the space."""
        byte = self._next()
        self._drop(self._at)
        return byte

    def _at_first_item(self, array: _OpenArray) -> bool:
        if (byte := self._next_outside_items()) is None:
            return False
        if byte == _CLOSE_ARRAY:
            self._end_items(array)
        else:
            self._step = partial(self._at_item, array)
        return True

    def _at_item(self, array: _OpenArray) -> bool:
        if (byte := self._next_outside_items()) is None:
            return False
        array.check_count()
        self._skip(byte, partial(self._item_done, array))
        return True

    def _item_done(self, array: _OpenArray) -> None:
        array.check_size(self._at - self._mark)
        item = self._parse(self._mark, self._at)
        self._drop(self._at)
        array.take(item)
        self._step = partial(self._after_item, array)

    def _after_item(self, array: _OpenArray) -> bool:
        if (byte := self._next_outside_items()) is None:
            return False
        if byte == _COMMA:
            self._at += 1
            self._step = partial(self._at_item, array)
        elif byte == _CLOSE_ARRAY:
            self._end_items(array)
        else:
            raise self._malformed("a comma or a closing bracket was expected")
        return True

    def _end_items(self, array: _OpenArray) -> None:
        self._array = None
        self._items[array.path] = array.count
        self._continue_skeleton()  # The closing bracket belongs to the skeleton again.
        self._at += 1
        self._value_done()


def _whole_characters(buffer: bytearray, end: int) -> int:
    """The end of the last whole UTF-8 character before `end`, at most three bytes earlier (RFC 3629)."""
    for back in range(1, min(3, end) + 1):
        byte = buffer[end - back]
        if byte >= 0xC0:  # noqa: PLR2004 - the first byte of a character of more than one byte
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004 - from its leading bits
            return end - back if length > back else end
        if byte < 0x80:  # noqa: PLR2004 - a character of one byte
            break
    return end
