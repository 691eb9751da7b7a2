"""What the AI cost, as administrators see it."""

from pydantic import BaseModel, Field


class TokenUsageGroup(BaseModel):
    """One line of the breakdown."""

    group_key: str = Field(description="Group label produced by group_by.")
    input_tokens: int = Field(description="Summed input tokens for the group.")
    output_tokens: int = Field(description="Summed output tokens for the group.")
    cache_read_tokens: int = Field(description="Summed cache-read tokens for the group.")
    cache_write_tokens: int = Field(description="Summed cache-write tokens for the group.")
    cost_usd: float = Field(description="Summed cost for the group; a call of unknown cost adds nothing.")
    call_count: int = Field(description="AI call count for the group.")
    avg_duration_ms: int = Field(description="Average duration in milliseconds.")


class TokenUsage(BaseModel):
    """Sums over AI calls."""

    total_input_tokens: int = Field(description="Summed input tokens.")
    total_output_tokens: int = Field(description="Summed output tokens.")
    total_cache_read_tokens: int = Field(description="Summed cache-read tokens.")
    total_cache_write_tokens: int = Field(description="Summed cache-write tokens.")
    total_cost_usd: float = Field(description="Summed cost in USD; a call of unknown cost adds nothing.")
    total_calls: int = Field(description="Matching AI call count.")
    total_duration_ms: int = Field(description="Summed duration in milliseconds.")
    breakdown: list[TokenUsageGroup] = Field(
        description="By group, the dearest first. Empty when group_by is omitted."
    )


class PeriodUsage(BaseModel):
    """Sums over a span of time."""

    calls: int = Field(description="Matching AI call count.")
    tokens: int = Field(description="Input plus output tokens.")
    input_tokens: int = Field(description="Input tokens.")
    output_tokens: int = Field(description="Output tokens.")
    cost_usd: float = Field(description="Cost in USD.")


class ModelUsage(BaseModel):
    """What a model cost."""

    provider: str = Field(description="AI provider.")
    model: str = Field(description="AI model.")
    calls: int = Field(description="AI call count.")
    cost_usd: float = Field(description="Cost in USD.")


class JobUsage(BaseModel):
    """What an analysis cost."""

    job_id: str = Field(description="Analysis job ID.")
    calls: int = Field(description="AI call count.")
    cost_usd: float = Field(description="Cost in USD.")


class TokenUsageSummary(BaseModel):
    """Rolling sums."""

    today: PeriodUsage = Field(description="Since midnight UTC.")
    this_week: PeriodUsage = Field(description="The last 7 days.")
    this_month: PeriodUsage = Field(description="The last 30 days.")
    top_models: list[ModelUsage] = Field(description="The five dearest models of the last 30 days.")
    top_jobs: list[JobUsage] = Field(description="The five dearest jobs of the last 30 days.")


class TokenUsageRecord(BaseModel):
    """One AI call."""

    id: str = Field(description="Token-usage record ID.")
    job_id: str = Field(description="Analysis job ID.")
    ai_provider: str = Field(description="AI provider.")
    ai_model: str = Field(description="AI model.")
    call_type: str = Field(description="Recorded call type.")
    input_tokens: int = Field(description="Input tokens.")
    output_tokens: int = Field(description="Output tokens.")
    cache_read_tokens: int = Field(description="Cache-read tokens.")
    cache_write_tokens: int = Field(description="Cache-write tokens.")
    total_tokens: int = Field(description="Input plus output tokens.")
    cost_usd: float | None = Field(description="Estimated cost in USD; null when it is unknown.")
    duration_ms: int | None = Field(description="Call duration in milliseconds.")
    prompt_chars: int = Field(description="Prompt character count.")
    response_chars: int = Field(description="Response character count.")
    created_at: str = Field(description="Record timestamp.")


class JobTokenUsage(BaseModel):
    """The AI calls of one analysis."""

    job_id: str = Field(description="Requested job ID.")
    records: list[TokenUsageRecord] = Field(description="In the order in which they ended.")
