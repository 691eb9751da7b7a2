"""List prices, from the data that `genai-prices` carries in its wheel: no network.

The package takes a third of a second to import, so that happens on first use, in a thread.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from rootcoz.providers.base import OfferedModel, Usage


async def with_cost(usage: Usage, model: str, vendor: str) -> Usage:
    """The usage with its cost at list prices, where it has none yet and the model is known.

    `vendor` is the list's name of who sells the model; empty looks for the model among all.
    """
    if usage.cost_usd is not None or usage.input_tokens is None or usage.output_tokens is None:
        return usage
    return replace(usage, cost_usd=await asyncio.to_thread(_cost, usage, model, vendor))


async def with_prices(models: tuple[OfferedModel, ...], vendor: str) -> tuple[OfferedModel, ...]:
    """The models with their list prices where they are known."""
    return await asyncio.to_thread(lambda: tuple(_with_price(model, vendor) for model in models))


def _cost(usage: Usage, model: str, vendor: str) -> float | None:
    cached, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    try:
        calculation = _calculate(
            model,
            vendor,
            input_tokens=(usage.input_tokens or 0) + cached + written,  # the list counts all that went in
            output_tokens=usage.output_tokens,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        )
    except (LookupError, ValueError):  # a model or a kind of token that has no price
        return None
    return float(calculation.total_price)


def _with_price(model: OfferedModel, vendor: str) -> OfferedModel:
    try:
        price = _calculate(model.id, vendor, input_tokens=1, output_tokens=1).model_price
    except (LookupError, ValueError):
        return model
    return replace(
        model,
        input_price_per_mtok=_lowest(price.input_mtok),
        output_price_per_mtok=_lowest(price.output_mtok),
    )


def _calculate(model: str, vendor: str, **tokens: int | None) -> Any:  # noqa: ANN401 - the package is imported late
    from genai_prices import Usage as Tokens  # noqa: PLC0415 - see the module's text
    from genai_prices import calc_price  # noqa: PLC0415

    return calc_price(Tokens(**tokens), model_ref=model, provider_id=vendor or None)


def _lowest(price: Any) -> float | None:  # noqa: ANN401 - a figure, tiers of figures, or nothing
    if price is None:
        return None
    return float(price if isinstance(price, Decimal) else price.base)
