"""What providers offer, as callers see it."""

from pydantic import BaseModel, Field


class AiModel(BaseModel):
    """A model that can be asked for."""

    id: str = Field(description="What to send as ai_model.")
    name: str = Field(description="Name for people.")
    input_price_per_mtok: float | None = Field(
        description="List price of a million input tokens in US dollars; null when unknown."
    )
    output_price_per_mtok: float | None = Field(
        description="List price of a million output tokens in US dollars; null when unknown."
    )


class AiProvider(BaseModel):
    """A provider and its models."""

    provider: str = Field(description="What to send as ai_provider.")
    configured: bool = Field(description="Whether this server can ask it.")
    models: list[AiModel] = Field(
        description="Its models; empty for a provider that has none to choose from."
    )
    error: str | None = Field(description="Why there is no list, and what to set.")
