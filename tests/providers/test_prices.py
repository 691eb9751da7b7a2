import pytest

from rootcoz.providers.base import OfferedModel, Usage
from rootcoz.providers.prices import with_cost, with_prices


async def test_a_known_model_has_its_list_price() -> None:
    (model,) = await with_prices((OfferedModel("gpt-4.1", "GPT-4.1"),), "openai")

    assert model.input_price_per_mtok == pytest.approx(2, abs=2)
    assert model.output_price_per_mtok == pytest.approx(8, abs=8)


async def test_what_comes_from_the_cache_costs_less() -> None:
    fresh = await with_cost(Usage(1_000_000, 0, 0, 0), "gpt-4.1", "openai")
    cached = await with_cost(Usage(0, 0, 1_000_000, 0), "gpt-4.1", "openai")

    assert fresh.cost_usd is not None
    assert cached.cost_usd is not None
    assert 0 < cached.cost_usd < fresh.cost_usd


async def test_an_unknown_model_costs_nobody_knows_what() -> None:
    assert (await with_cost(Usage(1, 1), "our-own-model", "")).cost_usd is None
    assert (await with_prices((OfferedModel("our-own-model", "x"),), ""))[0].input_price_per_mtok is None


async def test_what_the_provider_says_stands() -> None:
    assert (await with_cost(Usage(1, 1, cost_usd=5.0), "gpt-4.1", "openai")).cost_usd == 5.0


async def test_no_counts_no_cost() -> None:
    assert (await with_cost(Usage(), "gpt-4.1", "openai")).cost_usd is None
