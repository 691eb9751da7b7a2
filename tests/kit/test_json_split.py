import io
import json
import math
import tracemalloc
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rootcoz.kit.json_split import (
    DuplicateKey,
    ItemsRule,
    JsonPath,
    JsonSplitError,
    JsonSplitter,
    MalformedJson,
    NestedTooDeep,
    Split,
    StringRule,
    TooLong,
    dotted,
)

PLENTY = 10_000_000


class Reader:
    """Splits documents by the rules that the tests share, and puts them together again."""

    def __init__(
        self,
        *,
        max_chars: int = PLENTY,
        max_items: int = PLENTY,
        max_item_bytes: int = PLENTY,
        max_rest_bytes: int = PLENTY,
        max_depth: int = 100,
    ) -> None:
        self.files: dict[JsonPath, io.BytesIO] = {}
        self.items: list[tuple[JsonPath, object]] = []
        self.splitter = JsonSplitter(
            [
                StringRule(("raw_xml",), self.open, max_chars),
                StringRule(("reports", "*", "xml"), self.open, max_chars),
                ItemsRule(("failures", "*"), self.take, max_items, max_item_bytes),
                ItemsRule(("deep", "in", "*"), self.take, max_items, max_item_bytes),
            ],
            max_rest_bytes=max_rest_bytes,
            max_depth=max_depth,
        )

    def open(self, path: JsonPath) -> io.BytesIO:
        return self.files.setdefault(path, io.BytesIO())

    def take(self, path: JsonPath, item: object) -> None:
        self.items.append((path, item))

    def split(self, document: bytes, sizes: list[int] | None = None) -> Split:
        for chunk in chunks(document, sizes or [len(document) or 1]):
            self.splitter.feed(chunk)
        return self.splitter.close()

    def read(self, document: bytes, sizes: list[int] | None = None) -> object:
        """What a parser of the whole document would give."""
        split = self.split(document, sizes)
        whole: Any = split.rest
        for path in split.strings:
            set_at(whole, path, self.files[path].getvalue().decode())
        for path, item in self.items:
            get_at(whole, path[:-1]).append(item)
        assert {path: len(get_at(whole, path)) for path in split.strings} == split.strings
        assert {path: len(get_at(whole, path)) for path in split.items} == split.items
        return whole


def chunks(document: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    turn = 0
    while at < len(document):
        size = sizes[turn % len(sizes)]
        yield document[at : at + size]
        at += size
        turn += 1


def get_at(whole: Any, path: JsonPath) -> Any:  # noqa: ANN401 - any JSON value
    for step in path:
        whole = whole[step]
    return whole


def set_at(whole: object, path: JsonPath, value: str) -> None:
    get_at(whole, path[:-1])[path[-1]] = value


def strict_loads(document: bytes) -> object:
    """Python's own parser with the strictness that this module documents."""

    def refuse(word: str) -> float:
        raise ValueError(word)

    def finite(word: str) -> float:
        if math.isinf(number := float(word)):
            raise ValueError(word)
        return number

    whole = json.loads(document.decode(), parse_constant=refuse, parse_float=finite)
    json.dumps(whole, ensure_ascii=False).encode()  # Refuses lone surrogates.
    if not isinstance(whole, dict):
        raise TypeError
    return whole


def is_json_object(document: bytes) -> bool:
    try:
        strict_loads(document)
    except (ValueError, TypeError):
        return False
    return True


def verdict_on(document: bytes, sizes: list[int]) -> str:
    try:
        whole = Reader().read(document, sizes)
    except MalformedJson as error:
        return "malformed" if 0 <= error.offset <= len(document) else "malformed out of bounds"
    except DuplicateKey:
        return "duplicate"  # Refused on purpose, perhaps before the place where it is malformed.
    return "same" if whole == orjson.loads(document) else "different"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    'a"\\/\n\u00e9\U0001f600', max_size=40
)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
keys = st.sampled_from(["raw_xml", "reports", "failures", "xml", "deep", "in", "name", "", "*", "é"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | texts, inner, max_size=4),
    max_leaves=20,
)
reports = st.fixed_dictionaries({}, optional={"xml": texts, "name": values})
likely = st.fixed_dictionaries(
    {},
    optional={
        "raw_xml": texts | values,
        "reports": st.lists(reports | values, max_size=4),
        "failures": st.lists(values, max_size=5) | values,
        "deep": st.fixed_dictionaries({"in": st.lists(values, max_size=3)}) | values,
        "other": values,
    },
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    whole = draw(likely | st.dictionaries(keys | texts, values, max_size=5))
    text = json.dumps(
        whole,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 1, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (" , ", " : "), (",\r\n", ":")])),
    )
    if draw(st.booleans()):
        text = text.replace("/", "\\/").replace("raw_xml", "raw\\u005fxml")
    return text.encode()


SPECIAL = b'"\\{}[],: \n\x00\x1fnu0-.eE1\x80\xc3\xed\xa0\xf0\xff'
WORDS = [b"", b"\\ud800", b"\\udc00", b"null", b"NaN", b"Infinity", b"1e999", b"\\u12", b"//"]
chunkings = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@given(documents(), chunkings)
def test_the_parts_are_those_of_the_whole_however_it_is_cut(document: bytes, sizes: list[int]) -> None:
    assert Reader().read(document, sizes) == orjson.loads(document)


@settings(max_examples=200)
@given(
    documents(),
    st.lists(
        st.tuples(
            st.integers(0, 2_000),
            st.integers(0, 3),
            st.sampled_from([bytes([byte]) for byte in SPECIAL]) | st.sampled_from(WORDS),
        ),
        min_size=1,
        max_size=3,
    ),
    chunkings,
)
@example(b'{"raw_xml": 12 "a"}', [(0, 0, b"")], [3])
def test_what_a_parser_refuses_is_refused(
    document: bytes, changes: list[tuple[int, int, bytes]], sizes: list[int]
) -> None:
    for place, removed, inserted in changes:
        at = place % (len(document) + 1)
        document = document[:at] + inserted + document[at + removed :]

    verdict = verdict_on(document, sizes)

    if is_json_object(document):
        assert verdict in {"same", "duplicate"}
    else:
        assert verdict in {"malformed", "duplicate"}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 1_000])
def test_a_string_may_be_cut_anywhere(size: int) -> None:
    text = 'plain é € 😀 \\ " / \b\f\n\r\t \x7f \u2028'
    escaped = json.dumps(text)[1:-1] + "\\u00e9\\ud83d\\ude00\\\\ud83d\\\\\\\\\\/"

    whole = Reader().read(f'{{"raw_xml": "{barely_escaped(text)}{escaped}"}}'.encode(), [size])

    assert whole == {"raw_xml": text + text + "é😀\\ud83d\\\\/"}


def barely_escaped(text: str) -> str:
    """As JSON, with nothing escaped that need not be."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


@pytest.mark.parametrize(
    "document",
    [
        '{"raw_xml": null}',
        '{"raw_xml": 12}',
        '{"raw_xml": ["a"]}',
        '{"raw_xml": {"raw_xml": "a"}}',
        '{"failures": null}',
        '{"failures": "text"}',
        '{"failures": {"0": 1}}',
        '{"reports": "text"}',
        '{"reports": [null, "text", ["xml"], {"xml": 1}]}',
        '{"reports": {"0": {"xml": "a"}}}',
        "{}",
        '{"failures": [], "reports": [], "deep": {}}',
        '{"a": 1, "a": 2}',
        '{"reports": [{"xml": "a", "name": "x", "name": "y"}]}',
        ' \n{"a": [1, 2.5e3, true, "\\u00e9"]}\t ',
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_values_of_another_kind_stay_in_the_rest(document: str, size: int) -> None:
    assert Reader().read(document.encode(), [size]) == json.loads(document)


def test_what_was_streamed_can_be_told_from_what_was_null() -> None:
    split = Reader().split(b'{"raw_xml": "\\u00e9t\\u00e9", "reports": [{"xml": null}], "failures": [1, 2]}')

    assert split.rest == {"raw_xml": None, "reports": [{"xml": None}], "failures": []}
    assert split.strings == {("raw_xml",): 3}
    assert split.items == {("failures",): 2}


def test_items_come_in_order_with_their_paths_as_soon_as_they_are_there() -> None:
    reader = Reader()

    reader.splitter.feed(b'{"failures": [{"a": [1, "]"]}, 2 , "x", [')

    assert reader.items == [
        (("failures", 0), {"a": [1, "]"]}),
        (("failures", 1), 2),
        (("failures", 2), "x"),
    ]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ('{"raw_xml": "a", "raw_xml": "b"}', ("raw_xml",)),
        ('{"raw_xml": null, "raw\\u005fxml": "b"}', ("raw_xml",)),
        ('{"failures": [1], "failures": [2]}', ("failures",)),
        ('{"reports": [], "reports": null}', ("reports",)),
        ('{"reports": [{}, {"xml": "a", "xml": 1}]}', ("reports", 1, "xml")),
    ],
)
def test_a_key_on_the_way_to_a_streamed_value_may_stand_once(document: str, path: JsonPath) -> None:
    with pytest.raises(DuplicateKey) as caught:
        Reader().read(document.encode())

    assert caught.value.path == path
    assert dotted(path) in str(caught.value)


@pytest.mark.parametrize(
    ("document", "offset"),
    [
        (b"", 0),
        (b"  ", 2),
        (b"[]", 0),
        (b"null", 0),
        (b"\xef\xbb\xbf{}", 0),
        (b"{} {}", 3),
        (b'{"a": 1', 7),
        (b'{"a": 1 "b": 2}', 8),
        (b'{"a": 1,}', 8),
        (b'{"a" 1}', 5),
        (b'{"a": }', 6),
        (b'{"raw_xml": "a\\x"}', 15),
        (b'{"raw_xml": "a\nb"}', 14),
        (b'{"raw_xml": "' + b"x" * 100_000 + b'\x01"}', 100_013),
        (b'{"raw_xml": "abc", "other": tru}', 28),
        (b'{"failures": [{"a": 1}, {"b" 2}]}', 29),
        (b'{"failures": [1, 2,]}', 19),
        (b'{"failures": [1 2]}', 16),
        (b'{"failures": [1, 2], "other": [1, 2}}', 35),
    ],
)
def test_a_malformed_document_is_refused_with_the_place(document: bytes, offset: int) -> None:
    with pytest.raises(MalformedJson) as caught:
        Reader().read(document)

    assert abs(caught.value.offset - offset) <= 2
    assert str(caught.value.offset) in str(caught.value)


STRING_PLACES = ['{"raw_xml": "%s"}', '{"failures": ["%s"]}', '{"other": "%s"}', '{"%s": 1}']


@pytest.mark.parametrize(
    "text", ["\\ud83d", "\\ud83dx", "\\ud83d\\n", "\\ude00", "\\ud83d\\u0041", "\\ud83d\\ud83d"]
)
@pytest.mark.parametrize("form", STRING_PLACES)
def test_half_a_surrogate_pair_is_refused_everywhere(form: str, text: str) -> None:
    for size in (1, 4, 1_000):
        with pytest.raises(MalformedJson):
            Reader().read((form % text).encode(), [size])


@pytest.mark.parametrize(
    "text", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80"]
)
@pytest.mark.parametrize("form", STRING_PLACES)
def test_bytes_that_are_not_utf_8_are_refused_everywhere(form: str, text: bytes) -> None:
    for size in (1, 4, 1_000):
        with pytest.raises(MalformedJson):
            Reader().read(form.encode() % text, [size])


@pytest.mark.parametrize("word", ["NaN", "-Infinity", "1e999", "01", "+1", ".5", "1.", "'a'", "undefined"])
@pytest.mark.parametrize("form", ['{"raw_xml": %s}', '{"failures": [%s]}', '{"other": %s}'])
def test_what_only_looks_like_a_value_is_refused_everywhere(form: str, word: str) -> None:
    with pytest.raises(MalformedJson):
        Reader().read((form % word).encode())


def test_a_string_over_its_limit_is_refused_while_it_arrives() -> None:
    reader = Reader(max_chars=100_000)

    with pytest.raises(TooLong) as caught:
        reader.splitter.feed(b'{"reports": [{"xml": "' + b"\\u00e9" * 100_001)

    assert caught.value.path == ("reports", 0, "xml")
    assert str(caught.value) == "`reports[0].xml` has more than 100000 characters"


def test_a_string_is_measured_in_characters_not_bytes() -> None:
    reader = Reader(max_chars=5)

    assert reader.read('{"raw_xml": "ééé\\n😀"}'.encode()) == {"raw_xml": "ééé\n😀"}


def test_an_item_over_its_limit_is_refused_before_its_end() -> None:
    reader = Reader(max_item_bytes=1_000)

    with pytest.raises(TooLong) as caught:
        reader.splitter.feed(b'{"failures": [1, {"stack": "' + b"x" * 1_000)

    assert (caught.value.path, caught.value.unit) == (("failures", 1), "bytes")


def test_an_item_of_exactly_its_limit_is_taken() -> None:
    reader = Reader(max_item_bytes=5)

    assert reader.read(b'{"failures": ["abc",   [1,2]  ]}') == {"failures": ["abc", [1, 2]]}


def test_more_items_than_allowed_are_refused() -> None:
    reader = Reader(max_items=2)

    with pytest.raises(TooLong, match=r"failures.*2 items"):
        reader.splitter.feed(b'{"failures": [1, 2, 3')


@pytest.mark.parametrize(
    "document",
    [
        b'{"other": "' + b"x" * 2_000,
        b'{"' + b"k" * 2_000,
        b'{"other": [' + b"1," * 2_000,
        b'{"other": ' + b"1" * 2_000,
        b'{"other": 1' + b" " * 2_000,
        b'{"reports": [' + b"{}," * 2_000,
        b'{"reports": [' + b'{"xml":""},' * 2_000,
    ],
)
@pytest.mark.parametrize("size", [100, 10_000])
def test_the_rest_over_its_limit_is_refused_while_it_arrives(document: bytes, size: int) -> None:
    reader = Reader(max_rest_bytes=1_000)

    with pytest.raises(TooLong) as caught:
        reader.split(document, [size])

    assert (caught.value.path, caught.value.limit) == ((), 1_000)


@pytest.mark.parametrize(
    ("before", "after", "depth"),
    [
        ('{"other": ', "}", 1),
        ('{"failures": [', "]}", 2),
        ('{"raw_xml": ', "}", 1),
        ('{"reports": [{"name": ', "}]}", 3),
    ],
)
def test_nesting_is_limited_everywhere(before: str, after: str, depth: int) -> None:
    inner = 10 - depth
    fits = before + "[" * inner + "]" * inner + after
    too_deep = before + '{"a":' * (inner + 1) + "1" + "}" * (inner + 1) + after

    assert Reader(max_depth=10).read(fits.encode()) == json.loads(fits)
    with pytest.raises(NestedTooDeep):
        Reader(max_depth=10).read(too_deep.encode())


def test_brackets_and_quotes_inside_strings_are_text() -> None:
    whole = {"failures": [{"a": '[[{{"\\"'}, ']}",\\'], "other": {"b": '}]\\"[{'}, "raw_xml": '{"x": ["'}

    for size in (1, 2, 7, 1_000):
        assert Reader().read(json.dumps(whole).encode(), [size]) == whole


def test_a_document_in_tiny_chunks_takes_no_more_than_linear_time() -> None:
    item = json.dumps({"stack": 'File "x"\n' * 20_000})
    document = f'{{"raw_xml": {json.dumps("<a>" * 20_000)}, "failures": [{item}], "other": {item}}}'.encode()

    assert Reader().read(document, [16]) == orjson.loads(document)


def test_a_big_document_is_never_in_memory_whole() -> None:
    class Nowhere:
        size = 0

        def write(self, data: bytes) -> None:
            self.size += len(data)

    sink = Nowhere()
    splitter = JsonSplitter([StringRule(("raw_xml",), lambda _path: sink, PLENTY)])
    piece = b'<testcase name=\\"a\\"/>\\n' * 1_000
    splitter.feed(b'{"raw_xml": "')
    tracemalloc.start()

    for _ in range(200):
        splitter.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    splitter.feed(b'"}')
    assert splitter.close().strings == {("raw_xml",): sink.size}
    assert sink.size == 200_000 * len('<testcase name="a"/>\n')
    assert peak < 1_000_000


def test_a_chunk_may_be_any_kind_of_bytes() -> None:
    reader = Reader()

    reader.splitter.feed(bytearray(b'{"raw_xml":'))
    reader.splitter.feed(memoryview(b'"a"'))
    reader.splitter.feed(b"}")

    assert reader.splitter.close().strings == {("raw_xml",): 1}


@pytest.mark.parametrize(
    "patterns",
    [
        [("a", "*"), ("a", "*", "b")],
        [("a", "*", "b"), ("a", "*")],
        [("a", "*"), ("a", "*")],
        [("*",)],
    ],
)
def test_rules_that_contradict_each_other_are_refused(patterns: list[tuple[str, ...]]) -> None:
    rules = [
        ItemsRule(pattern, lambda _path, _item: None, 1)
        if pattern[-1] == "*"
        else StringRule(pattern, lambda _path: io.BytesIO(), 1)
        for pattern in patterns
    ]

    with pytest.raises(ValueError, match="rule"):
        JsonSplitter(rules)


def test_an_error_of_the_callback_reaches_the_caller() -> None:
    def fail(path: JsonPath, _item: object) -> None:
        raise KeyError(dotted(path))

    splitter = JsonSplitter([ItemsRule(("failures", "*"), fail, 10)])

    with pytest.raises(KeyError, match=r"failures\[0\]"):
        splitter.feed(b'{"failures": [{}]}')


def test_all_errors_are_value_errors() -> None:
    assert issubclass(JsonSplitError, ValueError)
