"""Fetching a Jenkins build: wait for it, read it and what failed below it, and leave its secrets behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from rootcoz.domain.analysis import JenkinsOrder
from rootcoz.domain.failure import Build, ChildBuild
from rootcoz.evidence.failures import without_secrets
from rootcoz.sources.jenkins.client import JenkinsAccess, JenkinsClient
from rootcoz.sources.jenkins.names import name_of
from rootcoz.sources.jenkins.source import JenkinsBuild, KeepConsole, read_build
from rootcoz.sources.jenkins.wait import SECONDS_PER_MINUTE, WaitPlan, WaitState, wait_for_build


async def fetch_build(
    order: JenkinsOrder,
    access: JenkinsAccess,
    *,
    accepted_at: float,
    resumed: bool,
    ended: Callable[[], Awaitable[None]],
    keep_console: KeepConsole | None = None,
) -> Build:
    """The build with its failures and children. `ended` is called when there is nothing more to wait for.

    `accepted_at`, in seconds since 1970-01-01 UTC, is when the wait began, whichever process waited; `resumed` says
    that it was another one. `keep_console` gets each console that is read, secrets and all.
    Raises Unavailable and Refused, in sentences that name the server and the build.
    """
    async with JenkinsClient(access) as client:
        if order.wait:
            plan = WaitPlan(
                poll_interval_s=order.poll_interval_minutes * SECONDS_PER_MINUTE,
                max_wait_minutes=order.max_wait_minutes,
                started_at=accepted_at,
            )
            build = name_of(order.job_name, order.build_number)
            # After a restart the server has most likely been reached before; one that is down now may come back.
            state = WaitState(reached=resumed)
            await wait_for_build(client, build, plan, sleep=asyncio.sleep, state=state)
        await ended()
        read = await read_build(
            client, order.job_name, order.build_number, force=order.force, keep_console=keep_console
        )
    return await asyncio.to_thread(_as_build, read)


def _as_build(read: JenkinsBuild) -> Build:
    build = read.as_build()
    notes = list(build.notes)
    if read.passed:
        notes.append(
            f"Build {read.job_name} #{read.build_number} passed, so nothing was analysed; "
            "send force to analyse it all the same."
        )
    return replace(
        build,
        failures=tuple(map(without_secrets, build.failures)),
        children=tuple(map(_child_without_secrets, build.children)),
        notes=tuple(notes),
    )


def _child_without_secrets(child: ChildBuild) -> ChildBuild:
    return replace(
        child,
        failures=tuple(map(without_secrets, child.failures)),
        children=tuple(map(_child_without_secrets, child.children)),
    )
