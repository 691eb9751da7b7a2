import pytest

from rootcoz.domain.analysis import ProviderCall
from rootcoz.domain.budget import Budget, Budgets, Spending, spent_by


def call(**changes: float) -> ProviderCall:
    fields = {"duration_ms": 1, "prompt_chars": 400, "reply_chars": 100} | changes
    return ProviderCall("primary", "claude", "m", **fields)  # type: ignore[arg-type]  # fields by name


def test_what_is_known_of_a_call_is_added_up() -> None:
    known = call(input_tokens=10, output_tokens=5, cache_read_tokens=100, cache_write_tokens=1, cost_usd=0.25)

    assert spent_by(known) == Spending(0.25, 116)


def test_tokens_that_nobody_tells_are_guessed_from_the_characters() -> None:
    assert spent_by(call()) == Spending(0.0, 125)


def test_tokens_that_are_told_to_be_none_are_none() -> None:
    assert spent_by(call(input_tokens=0)) == Spending(0.0, 0)


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (Budget(), ""),
        (Budget(usd=2.01), ""),
        (Budget(usd=2.0), "$2.00"),
        (Budget(usd=0.005), "$0.005"),
        (Budget(tokens=1_001), ""),
        (Budget(tokens=1_000), "1,000 tokens"),
        (Budget(usd=5, tokens=10), "10 tokens"),
    ],
)
def test_a_limit_is_reached_when_as_much_is_spent(budget: Budget, limit: str) -> None:
    assert budget.spent_limit(Spending(2.0, 1_000)) == limit


def test_the_sentence_says_which_budget_it_is() -> None:
    budgets = Budgets(per_analysis=Budget(usd=1), per_day=Budget(tokens=50_000))

    assert budgets.reached(analysis=Spending(0.9, 10**6), day=Spending(99.0, 49_999)) == ""
    assert budgets.reached(analysis=Spending(1.0), day=Spending(0, 10**6)) == (
        "The budget of $1.00 for this analysis is spent."
    )
    assert budgets.reached(analysis=Spending(), day=Spending(0, 50_000)) == (
        "The server's budget of 50,000 tokens for this day (UTC) is spent."
    )
