import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.grouping.template import ENDING_RULES, LIMIT, PLACEHOLDER, RULES, TemplateRule, normalise

ALL_RULES = (*RULES, *ENDING_RULES)
MASKS = [pytest.param(*pair, id=f"{rule.name}: {pair[0]}") for rule in ALL_RULES for pair in rule.masks]
KEEPS = [pytest.param(text, id=f"{rule.name}: {text}") for rule in ALL_RULES for text in rule.keeps]

CORPUS = Path(__file__).parents[1] / "corpus" / "template"
"""Consoles: the lines of one statement stand together, a blank line parts statements. Beside them their templates."""
GROUPED = ("console", "services")

HOSTILE = [
    "a",
    "1",
    ".",
    "-",
    "/",
    "=",
    "@",
    "'",
    '"',
    "[",
    "{",
    "<",
    ":",
    "#",
    "_",
    "~",
    " ",
    "\\",
    "\x1b",
    "é",
]
HOSTILE_PAIRS = [
    *(
        "a.",
        "a1",
        "1 ",
        "1,",
        "a=",
        "=a",
        "a/",
        "'a",
        "[a",
        "x@",
        "10:",
        "ff:",
        " (1",
        "1 (",
        "a{",
        "://a",
        PLACEHOLDER,
    ),
    *("user ", "for from ", "Mon ", "a:80 ", "May 1 ", "..." * 3 + " "),
]

PIECES = (
    *(
        "a",
        "foo",
        "Bar",
        "x.y.z",
        "12",
        "user",
        "for",
        "from",
        "Mon",
        "May",
        "ms",
        "KB",
        "true",
        "ERR_A",
        "_",
        "é",
    ),
    *(
        "a.FooError",
        "ff:ff",
        "10:11",
        "C:",
        "ffffffff",
        "db:80",
        "to ",
        PLACEHOLDER,
        "=",
        "==",
        " = ",
        ":",
        "://",
    ),
    *(
        "/",
        "\\",
        "@",
        "'",
        '"',
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        ",",
        ";",
        " ",
        "  ",
        ".",
        "...",
        "-",
        "+",
        "#",
        "<",
        ">",
    ),
    *("~", "%", "$", "|", "\t", "\n", "\x1b[1m", "\ue000"),
)
LINES = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


@pytest.mark.parametrize(("text", "expected"), MASKS)
def test_a_rule_masks_its_examples(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize("text", KEEPS)
def test_a_rule_keeps_what_it_says_it_keeps(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.name)
def test_each_rule_has_a_reason_and_an_example(rule: TemplateRule) -> None:
    assert rule.why
    assert rule.masks


def test_names_of_rules_are_unique() -> None:
    assert len({rule.name for rule in ALL_RULES}) == len(ALL_RULES)


def statements(name: str) -> list[list[str]]:
    text = (CORPUS / f"{name}.log").read_text(encoding="utf-8")
    return [block.splitlines() for block in text.strip("\n").split("\n\n")]


@pytest.mark.parametrize("name", GROUPED)
def test_lines_of_one_statement_share_a_template_and_others_do_not(name: str) -> None:
    templates = [{normalise(line) for line in lines} for lines in statements(name)]
    expected = (CORPUS / f"{name}.expected").read_text(encoding="utf-8").splitlines()

    assert [sorted(found) for found in templates] == [[template] for template in expected]
    assert len(set(expected)) == len(expected)


def test_values_that_are_plain_words_are_known_to_stay() -> None:
    # Wished: one template for each pair. A line alone does not tell that these words are values.
    found = [len({normalise(line) for line in lines}) for lines in statements("known_wrong")]

    assert found == [2, 2]


def test_colours_and_blanks_are_no_part_of_a_template() -> None:
    assert normalise("\x1b[1;31mbuild\x1b[0m\t of   4 ") == "build of <*>"


def test_a_line_without_values_is_its_own_template() -> None:
    assert normalise("The build was unstable.") == "The build was unstable."


def test_an_empty_line_has_an_empty_template() -> None:
    assert not normalise("  ")


def test_of_a_long_line_the_beginning_counts() -> None:
    assert normalise("x" * LIMIT + " one") == normalise("x" * LIMIT + " other")


@given(LINES)
def test_a_template_is_its_own_template(line: str) -> None:
    once = normalise(line)

    assert normalise(once) == once


@given(LINES)
def test_a_template_is_one_line_without_space_around_it(line: str) -> None:
    template = normalise(line)

    assert template == " ".join(template.split())


@pytest.mark.parametrize("piece", [*HOSTILE, *HOSTILE_PAIRS])
def test_a_hostile_line_takes_bounded_time(piece: str) -> None:
    line = piece * (1_000_000 // len(piece))
    began = time.process_time()
    normalise(line)

    # Some hundred times what it takes, for busy machines; a pattern that backtracked would take minutes.
    assert time.process_time() - began < 2
