"""Which providers and models this server can ask."""

from fastapi import APIRouter

from rootcoz.api.auth import ServicesOf
from rootcoz.api.schemas.ai_models import AiModel, AiProvider
from rootcoz.features.ai_models import Offer

router = APIRouter(tags=["Analysis"])


@router.get("/api/ai-models")
async def ai_models(services: ServicesOf) -> list[AiProvider]:
    """List the providers of this server with their models and list prices.

    Lists are kept for a few minutes. A provider that does not answer is listed with the reason.
    """
    return [_shown(offer) for offer in await services.ai_models.offers()]


def _shown(offer: Offer) -> AiProvider:
    models = [
        AiModel(
            id=model.id,
            name=model.name,
            input_price_per_mtok=model.input_price_per_mtok,
            output_price_per_mtok=model.output_price_per_mtok,
        )
        for model in offer.models
    ]
    return AiProvider(
        provider=offer.provider, configured=offer.configured, models=models, error=offer.error or None
    )
