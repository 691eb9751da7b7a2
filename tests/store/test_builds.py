from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.failure import Cluster, ErrorSignature, Failure, FailureGroup, ReportPosition
from rootcoz.grouping.groups import group_failures
from rootcoz.kit.chunks import chunked
from rootcoz.store.builds import decode_failures, decode_groups, encode_failures, encode_groups

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FAILURES = st.lists(
    st.builds(
        Failure,
        test_name=TEXT,
        error_message=TEXT,
        stack_trace=TEXT,
        duration=st.floats(0, 1e9),
        line=st.none() | st.integers(0, 10**6),
        output=TEXT,
        position=st.none() | st.builds(ReportPosition, st.integers(0, 9), st.integers(0, 10**6)),
    ),
    max_size=5,
)


@given(FAILURES)
def test_failures_are_the_same_after_they_were_kept(failures: list[Failure]) -> None:
    assert decode_failures(list(chunked(encode_failures(failures)))) == tuple(failures)


def test_groups_are_the_same_after_they_were_kept() -> None:
    failures = [Failure("a\nb"), Failure("c"), Failure("d")]
    groups = (
        FailureGroup(1, ErrorSignature("0" * 64, 1), failures[0], (0, 2)),
        FailureGroup(2, ErrorSignature("1" * 64, 3), failures[1], (1,)),
    )

    assert decode_groups(list(chunked(encode_groups(groups))), failures) == groups


def test_groups_keep_their_clusters() -> None:
    failures = [Failure("a", "red"), Failure("b", "blue")]
    cluster = Cluster("1-0123456789ab", "same exception X, 2 groups")
    groups = tuple(replace(group, cluster=cluster) for group in group_failures(failures))
    kept = decode_groups(list(chunked(encode_groups(groups))), failures)

    assert kept == groups


def test_groups_that_were_kept_before_there_were_clusters_have_none() -> None:
    failures = [Failure("a", "red")]
    line = orjson.dumps({"signature": "5" * 64, "version": 1, "members": [0]}) + b"\n"

    assert [group.cluster for group in decode_groups(list(chunked([line])), failures)] == [None]
