from rootcoz.domain.failure import Failure
from rootcoz.grouping.groups import group_failures


def test_no_failures_make_no_groups() -> None:
    assert group_failures([]) == ()


def test_groups_stand_in_order_of_first_appearance() -> None:
    failures = [Failure("a", "red 1"), Failure("b", "blue"), Failure("c", "red 22"), Failure("d", "green")]
    groups = group_failures(failures)

    assert [(group.number, group.members) for group in groups] == [(1, (0, 2)), (2, (1,)), (3, (3,))]
    assert [group.representative.test_name for group in groups] == ["a", "b", "d"]


def test_failures_that_say_nothing_are_grouped_by_test_name() -> None:
    groups = group_failures([Failure("a"), Failure("b", " \n"), Failure("a")])

    assert [group.members for group in groups] == [(0, 2), (1,)]
    assert groups[0].signature == groups[1].signature
