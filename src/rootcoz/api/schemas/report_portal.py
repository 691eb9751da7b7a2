"""A push into Report Portal: which launch is meant, and what came of it."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from rootcoz.api.schemas.requests import INT_LIMIT, Text
from rootcoz.domain.launch import LaunchRef

Number = Annotated[int, Field(ge=0, le=INT_LIMIT)]


class PushTarget(BaseModel):
    """Which part of the analysis is pushed, and where to."""

    child_job_name: Text | None = Field(default=None, description="Child job name for a pipeline child push.")
    child_build_number: Number | None = Field(
        default=None, description="Child build number for a pipeline child push."
    )
    launch_uuid: Text | None = Field(
        default=None,
        description="UUID of the launch, where it cannot be found by the build's address.",
    )
    launch_name: Text | None = Field(
        default=None, description="Name of the launch, together with launch_number."
    )
    launch_number: Number | None = Field(
        default=None, description="Report Portal's own number of the launch, together with launch_name."
    )

    @model_validator(mode="after")
    def _name_and_number_go_together(self) -> Self:
        if bool(self.launch_name) != (self.launch_number is not None):
            raise ValueError("launch_name and launch_number go together")
        return self

    def launch(self) -> LaunchRef | None:
        """The launch as a person named it; None when it is to be looked for."""
        if not self.launch_uuid and not self.launch_name:
            return None
        return LaunchRef(self.launch_uuid or "", self.launch_name or "", self.launch_number)


class PushResponse(BaseModel):
    """What came of a push. Pushing again changes nothing, and goes on where a push broke off."""

    pushed: int = Field(description="Number of Report Portal items updated successfully.")
    unchanged: int = Field(description="Number of items that had it all before.")
    unmatched: list[str] = Field(
        description="Report Portal items that could not be matched or classified, each with the reason."
    )
    not_in_launch: list[str] = Field(
        description="Failed tests of the analysis that no item of the launch could be matched with."
    )
    errors: list[str] = Field(description="Push-time errors.")
    launch_id: int | None = Field(description="Matched Report Portal launch ID.")
