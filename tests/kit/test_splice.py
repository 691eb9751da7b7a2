from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.splice import Splice, spliced


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[bytes], list[Splice], bytes]:
    """Pieces of a document, splices within it, and the document as it is to be."""
    kept = draw(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=6))
    whole, wanted, splices = b"", b"", []
    for text in kept:
        gone, new = draw(st.binary(max_size=8)), draw(st.binary(max_size=8))
        splices.append(Splice(len(whole), len(gone), new))
        whole += gone + text
        wanted += new + text
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)))) | {0, len(whole)})
    pieces = [whole[start:end] for start, end in pairwise(cuts)]
    return pieces, splices, wanted


@given(documents())
def test_the_pieces_are_replaced_however_the_stream_is_cut(
    document: tuple[list[bytes], list[Splice], bytes],
) -> None:
    pieces, splices, wanted = document

    assert b"".join(spliced(pieces, splices)) == wanted


@given(documents())
def test_the_growths_tell_the_new_length(document: tuple[list[bytes], list[Splice], bytes]) -> None:
    pieces, splices, wanted = document

    assert sum(map(len, pieces)) + sum(splice.growth for splice in splices) == len(wanted)
