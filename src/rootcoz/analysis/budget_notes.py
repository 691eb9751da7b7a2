"""What a result says about budgets: what they kept from being asked, and what they cannot bound."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from rootcoz.domain.analysis import LedgerEntry, ProviderCall
from rootcoz.domain.budget import Budgets, is_metered
from rootcoz.domain.finding import PEOPLE, Answer


def budget_notes(
    budgets: Budgets, answers: Mapping[int, Answer], ledger: Iterable[LedgerEntry]
) -> tuple[str, ...]:
    """Sentences for the user; none where no budget had a say."""
    stood_in = Counter(
        answer.stand_in.reason
        for answer in answers.values()
        if answer.stand_in and answer.stand_in.provider != PEOPLE
    )
    notes = [
        f"{reason} The built-in analyser answered {count} of {len(answers)} groups."
        for reason, count in sorted(stood_in.items())
    ]
    calls = [entry.call for entry in ledger if not entry.call.error]
    limits = (budgets.per_analysis, budgets.per_day)
    if any(limit.usd is not None for limit in limits):
        notes += _unbounded("dollars", "cost", (call for call in calls if call.cost_usd is None))
    if any(limit.tokens is not None for limit in limits):
        notes += _unbounded(
            "tokens",
            "tokens",
            (call for call in calls if not is_metered(call)),
            but="; they count by a guess",
        )
    return tuple(notes)


def _unbounded(unit: str, what: str, calls: Iterable[ProviderCall], *, but: str = "") -> Iterator[str]:
    counts = Counter(" ".join(filter(None, (call.provider, call.model))) for call in calls)
    for who, count in sorted(counts.items()):
        calls_of = "1 call" if count == 1 else f"{count} calls"
        is_known = "is not known" if what == "cost" else "are not known"
        yield f"A budget in {unit} does not bound {who}: the {what} of its {calls_of} {is_known}{but}."
