import json

from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.debate import DebateEntry, Role, UnusableVote, Vote
from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Classification
from rootcoz.prompts.answer import answer_json
from rootcoz.prompts.peer import (
    MAX_VOTE_QUOTES,
    MAX_WORDS_CHARS,
    arguments_text,
    parse_vote,
    peer_prompt,
    vote_schema,
)
from rootcoz.prompts.revise import revise_prompt
from rootcoz.triage import judge


def read(**said: object) -> Vote:
    vote = parse_vote(json.dumps({"classification": "PRODUCT BUG", **said}))
    assert isinstance(vote, Vote)
    return vote


def test_a_vote_is_read_with_all_its_parts() -> None:
    vote = read(
        agrees=True,
        classification="infrastructure",
        reasoning="The disk is full.",
        suggested_changes="Name the disk.",
        evidence=[{"quote": "No space left", "source": "error.txt", "line": 3}],
    )

    assert (vote.agrees, vote.classification) == (True, Classification.INFRASTRUCTURE)
    assert (vote.reasoning, vote.suggested_changes) == ("The disk is full.", "Name the disk.")
    assert vote.evidence[0].quote == "No space left"
    assert not vote.evidence[0].verified


def test_a_vote_in_the_midst_of_prose_is_found() -> None:
    assert isinstance(parse_vote('I looked.\n```json\n{"classification": "CODE ISSUE"}\n```\n'), Vote)


def test_a_flag_that_is_none_is_left_out() -> None:
    assert read(agrees="perhaps").agrees is None


def test_a_whole_answer_is_taken_as_a_vote() -> None:
    answer = judge(Failure("a", error_message="ConnectionRefusedError: Connection refused: db:5432"), ("a",))
    vote = parse_vote(answer_json(answer))

    assert isinstance(vote, Vote)
    assert vote.classification is Classification.INFRASTRUCTURE
    assert vote.reasoning


def test_a_vote_is_bounded() -> None:
    quote = {"quote": "x" * 10_000, "source": "error.txt"}
    vote = read(reasoning="r" * 10_000, suggested_changes="s" * 10_000, evidence=[quote] * 40)

    assert len(vote.reasoning) == len(vote.suggested_changes) == MAX_WORDS_CHARS
    assert len(vote.evidence) == MAX_VOTE_QUOTES
    assert len(vote.evidence[0].quote) < len(quote["quote"])


def test_an_abstention_is_no_vote_and_says_why() -> None:
    vote = parse_vote('{"classification": null, "reasoning": "Too little to go by."}')

    assert vote == UnusableVote("It abstained: Too little to go by.")


@given(st.text() | st.dictionaries(st.text(), st.none() | st.integers() | st.text()).map(json.dumps))
def test_whatever_comes_is_a_vote_or_a_reason(text: str) -> None:
    read = parse_vote(text)

    assert isinstance(read, Vote) or read.reason


def test_the_schema_asks_for_a_vote_and_nothing_else() -> None:
    schema = vote_schema()

    assert set(schema["properties"]) == {  # type: ignore[call-overload]
        "agrees",
        "classification",
        "reasoning",
        "suggested_changes",
        "evidence",
    }


def test_the_prompts_name_their_files() -> None:
    first = peer_prompt("Why?", answer_file="a.json", arguments_file="")
    later = peer_prompt("Why?", answer_file="a.json", arguments_file="b.json")
    revision = revise_prompt("Why?", answer_file="a.json", votes_file="c.json")

    assert "`a.json`" in first
    assert "the last round" not in first
    assert "`b.json`" in later
    assert "`c.json`" in revision
    assert all(text.startswith("Why?") for text in (first, later, revision))


def test_arguments_leave_out_what_does_not_count_and_who_spoke() -> None:
    counts = DebateEntry(
        "gemini", "pro-9", Role.PEER, Classification.CODE_ISSUE, agrees=True, reasoning="Look."
    )
    empty = DebateEntry("x", "y", Role.PEER, None, agrees=None, reasoning="Lies.", usable=False)
    text = arguments_text([counts, empty])

    assert json.loads(text)[0]["reasoning"] == "Look."
    assert "Lies." not in text
    assert "pro-9" not in text
