import json
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootcoz.domain.failure import Failure, FailureGroup
from rootcoz.grouping.cluster import CLUSTER_VERSION, COMPARE_ALL, with_clusters
from rootcoz.grouping.groups import group_failures
from rootcoz.grouping.memory import similarity

CORPUS = Path(__file__).parents[1] / "corpus" / "cluster"


def cases(name: str) -> list[Any]:
    read = json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in read]


def failures_of(case: dict[str, Any]) -> list[Failure]:
    return [Failure(**fields) for fields in case["failures"]]


def everything() -> list[Failure]:
    return [
        failure
        for name in ("joined", "apart")
        for case in json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8"))
        for failure in failures_of(case)
    ]


EVERYTHING = everything()


def clustered(failures: list[Failure]) -> tuple[FailureGroup, ...]:
    return with_clusters(group_failures(failures), failures)


def clusters_of(failures: list[Failure]) -> dict[tuple[str, str], list[str]]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for group in clustered(failures):
        if group.cluster:
            found[group.cluster.id, group.cluster.reason] += [
                failures[member].test_name for member in group.members
            ]
    return {cluster: sorted(tests) for cluster, tests in found.items()}


def nullpointer(
    test_class: str, test: str, message: str, place: str = "com.acme.OrderService.total"
) -> Failure:
    error = f"java.lang.NullPointerException: {message}"
    frames = (f"{place}(OrderService.java:88)", f"com.acme.{test_class}.{test}({test_class}.java:20)")
    return Failure(
        f"com.acme.{test_class}.{test}",
        error,
        "\n\tat ".join((error, *frames)),
        class_name=f"com.acme.{test_class}",
    )


@pytest.mark.parametrize("case", cases("joined"))
def test_groups_with_one_cause_are_a_cluster_with_its_reason(case: dict[str, Any]) -> None:
    groups = clustered(failures_of(case))
    clusters = {group.cluster for group in groups}
    cluster = clusters.pop()

    assert len(groups) == len(case["failures"]), "they are no clusters when they share a signature"
    assert not clusters
    assert cluster is not None
    assert case["reason"] in cluster.reason
    assert cluster.reason.endswith(f", {len(groups)} groups")


@pytest.mark.parametrize("case", cases("apart"))
def test_look_alikes_with_different_causes_stay_apart(case: dict[str, Any]) -> None:
    groups = clustered(failures_of(case))

    assert len(groups) > 1
    assert [group.cluster for group in groups] == [None] * len(groups)


@pytest.mark.parametrize("case", [*cases("joined"), *cases("apart")])
def test_similarity_does_not_depend_on_the_direction(case: dict[str, Any]) -> None:
    one, other = failures_of(case)[:2]

    assert similarity(one, other) == similarity(other, one)


def test_no_groups_make_no_clusters() -> None:
    assert with_clusters((), ()) == ()


def test_the_id_carries_the_version_and_is_that_of_the_groups() -> None:
    failures = [nullpointer("CartTest", "adds", "rate"), nullpointer("OfferTest", "halves", "vat")]
    identity = {group.cluster and group.cluster.id for group in clustered(failures)}
    more = [*failures, nullpointer("CartTest", "adds", "rate"), Failure("x", "Disk full")]

    assert len(identity) == 1
    assert str(identity.copy().pop()).startswith(f"{CLUSTER_VERSION}-")
    assert {group.cluster.id for group in clustered(more) if group.cluster} == identity


def test_clustering_changes_nothing_else_about_the_groups() -> None:
    groups = group_failures(EVERYTHING)
    marked = with_clusters(groups, EVERYTHING)

    assert [(g.number, g.signature, g.representative, g.members) for g in marked] == [
        (g.number, g.signature, g.representative, g.members) for g in groups
    ]
    assert with_clusters(marked, EVERYTHING) == marked, "clusters are decided anew from the groups alone"


@settings(max_examples=25, deadline=None)
@given(st.permutations(EVERYTHING), st.integers(2, len(EVERYTHING)))
def test_clusters_do_not_depend_on_the_order_of_the_failures(shuffled: list[Failure], count: int) -> None:
    some = shuffled[:count]

    assert clusters_of(some) == clusters_of(sorted(some, key=lambda failure: failure.test_name))


def test_clusters_of_a_large_build_do_not_depend_on_the_order_either() -> None:
    failures = [
        nullpointer(
            f"Part{number % 90}Test",
            f"case{number}",
            f"no part {'abcdefghij'[number % 10]}x",
            f"com.acme.P{number % 40}.get",
        )
        for number in range(COMPARE_ALL * 3)
    ]
    shuffled = failures.copy()
    random.Random(5).shuffle(shuffled)  # noqa: S311 - any order does

    assert clusters_of(failures)
    assert clusters_of(failures) == clusters_of(shuffled)


def test_a_chain_of_likenesses_does_not_join_what_contradicts_itself() -> None:
    place = "com.acme.api.Client.check"
    failures = [
        nullpointer("ApiTest", "readsOrders", "HTTP 500 from orders", place),
        nullpointer("ApiTest", "readsMore", "no answer from orders", place),
        nullpointer("ApiTest", "readsUsers", "HTTP 404 from orders", place),
    ]
    first, _, last = clustered(failures)

    assert first.cluster is None or first.cluster != last.cluster


def test_a_suite_in_one_class_is_not_one_cause() -> None:
    first = ("alpha", "gamma", "delta", "kappa", "sigma", "omega", "theta", "lambda")
    second = ("red", "blue", "green", "black", "white", "brown", "grey", "pink")
    words = [f"{one}{other}" for one in first for other in second]
    failures = [
        Failure(f"e2e.All.{word}Works", f"AssertionError: the {word} button is missing", class_name="e2e.All")
        for word in words
    ]
    sizes = [len(tests) for tests in clusters_of(failures).values()]

    assert max(sizes, default=0) < len(words) / 2


def test_failures_without_any_text_are_no_trouble() -> None:
    groups = clustered(
        [Failure(""), Failure("a"), Failure("a.b", " "), Failure("x", "\x00"), Failure("y", "", "\n\n")]
    )

    assert [group.number for group in groups] == list(range(1, len(groups) + 1))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(Failure, st.text(), st.text(), st.text(), class_name=st.text()), max_size=8))
def test_clusters_have_at_least_two_groups_and_one_reason(failures: list[Failure]) -> None:
    groups = clustered(failures)
    members: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups:
        if group.cluster:
            members[group.cluster.id].add(group.cluster.reason)
    counts = [sum(bool(g.cluster and g.cluster.id == cluster) for g in groups) for cluster in members]

    assert all(len(reasons) == 1 for reasons in members.values())
    assert all(count > 1 for count in counts)


def test_a_thousand_groups_take_no_time_to_speak_of() -> None:
    failures = [
        nullpointer(
            f"Part{number}Test",
            f"case{number}",
            f"value{number} of x{number}",
            f"com.acme.P{number % 50}.get",
        )
        for number in range(1_000)
    ]
    groups = group_failures(failures)
    started = time.process_time()
    with_clusters(groups, failures)

    assert time.process_time() - started < 5
