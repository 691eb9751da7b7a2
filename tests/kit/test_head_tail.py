from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.head_tail import NOTE_ROOM, HeadTail, shortened


def test_a_short_text_is_kept_as_it_is() -> None:
    assert shortened("all of it", 100) == "all of it"


def test_a_long_text_keeps_both_ends_and_says_how_much_is_missing() -> None:
    text = shortened("a" * 500 + "b" * 500, 180)

    assert text == "a" * 50 + "\n[… 900 characters left out …]\n" + "b" * 50


@given(pieces=st.lists(st.text(max_size=60), max_size=40), limit=st.integers(NOTE_ROOM + 1, 300))
def test_pieces_give_the_same_as_the_whole_within_the_limit(pieces: list[str], limit: int) -> None:
    whole = "".join(pieces)
    tail = (limit - NOTE_ROOM) // 2
    collector = HeadTail(head=limit - NOTE_ROOM - tail, tail=tail)
    for piece in pieces:
        collector.add(piece)

    assert len(shortened(whole, limit)) <= limit
    if len(whole) > limit:
        assert collector.text() == shortened(whole, limit)


def test_the_tail_alone_is_the_last_characters() -> None:
    collector = HeadTail(head=0, tail=5)
    for number in range(100):
        collector.add(f"{number},")

    assert collector.tail() == "8,99,"
