"""What Jenkins answers about a build, checked at the edge.

Jenkins: https://www.jenkins.io/doc/book/using/remote-access-api/ (each object documents itself under `…/api`).
Plugins add fields and leave others out, so every field may be missing, and unknown ones are ignored. `null` stands
for what is not known yet: a build without a result is still running.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

BUILD_TREE = (
    "number,url,result,building,duration,"
    "actions[failCount,triggeredBuilds[number,url,result]],"
    "artifacts[relativePath],"
    "runs[number,url,result],"
    "subBuilds[jobName,buildNumber,url,result,retry,build[subBuilds[jobName,buildNumber,url,result,retry]]]"
)
"""The fields that `BuildReply` reads. Asking for them keeps the reply small: a build's own may have megabytes."""


def _no_null(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the reply
    return () if value is None else value


def _objects(value: Any) -> Any:  # noqa: ANN401 - as above
    """Lists of Jenkins hold `null` and `{}` where a plugin has nothing to say."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, dict) and item]
    return _no_null(value)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RunReply(_Reply):
    """A build as other builds refer to it: a matrix run, a triggered build."""

    number: int = 0
    url: str | None = None
    result: str | None = None


class SubBuildReply(_Reply):
    """A child of a MultiJob build. `url` is relative to the server."""

    job_name: str = Field(default="", alias="jobName")
    number: int = Field(default=0, alias="buildNumber")
    url: str | None = None
    result: str | None = None
    retry: bool | None = False
    """Whether the job was started again because of this build's result."""
    build: "SubBuildsReply | None" = None


class SubBuildsReply(_Reply):
    """What a MultiJob build says about a child that is one too."""

    sub_builds: Annotated[tuple[SubBuildReply, ...], BeforeValidator(_objects)] = Field(
        default=(), alias="subBuilds"
    )


class ActionReply(_Reply):
    """What a plugin attached to the build."""

    fail_count: int | None = Field(default=None, alias="failCount")
    """Of the action that is the test report's: how many of its cases failed."""
    triggered_builds: Annotated[tuple[RunReply, ...], BeforeValidator(_objects)] = Field(
        default=(), alias="triggeredBuilds"
    )


class ArtifactReply(_Reply):
    """A file that the build keeps."""

    relative_path: str = Field(alias="relativePath", min_length=1)


class BuildReply(_Reply):
    """A build."""

    number: int = 0
    url: str | None = None
    result: str | None = None
    """`SUCCESS`, `UNSTABLE`, `FAILURE`, `NOT_BUILT`, `ABORTED`; None while it runs."""
    building: bool | None = None
    duration: float | None = None
    """Milliseconds."""
    actions: Annotated[tuple[ActionReply, ...], BeforeValidator(_objects)] = ()
    artifacts: Annotated[tuple[ArtifactReply, ...], BeforeValidator(_objects)] = ()
    runs: Annotated[tuple[RunReply, ...], BeforeValidator(_objects)] = ()
    """Of a matrix build: its configurations, also those last built by an older build of the job."""
    sub_builds: Annotated[tuple[SubBuildReply, ...], BeforeValidator(_objects)] = Field(
        default=(), alias="subBuilds"
    )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended. Some builds have a result before they end."""
        return bool(self.building) or self.result is None

    @property
    def triggered_builds(self) -> tuple[RunReply, ...]:
        """What all actions together say it triggered."""
        return tuple(run for action in self.actions for run in action.triggered_builds)
