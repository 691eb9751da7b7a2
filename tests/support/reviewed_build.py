"""A finished analysis of a build with children, put into a data directory before a server opens it."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select, update
from tests.support.scripted_provider import ScriptedProvider, finding

from rootcoz.analysis.intake import Submission, accept
from rootcoz.analysis.parts import Parts, Work
from rootcoz.analysis.pipeline import analyse
from rootcoz.domain.analysis import AnalysisOptions, JenkinsOrder
from rootcoz.domain.failure import Build, ChildBuild, Failure
from rootcoz.features.events import EventHub
from rootcoz.kit.chunks import chunked
from rootcoz.kit.sealed import Seal
from rootcoz.providers.base import Question
from rootcoz.sources.jenkins.client import JenkinsAccess
from rootcoz.store.builds import OUTLINE, encode_outline
from rootcoz.store.documents import save_document
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses

OPTIONS = AnalysisOptions("scripted", "", question_timeout_s=60, max_concurrent_questions=2)


def failing(word: str, *names: str) -> tuple[Failure, ...]:
    """Tests that fail alike for each word."""
    return tuple(Failure(name, f"ValueError: the {word} is wrong") for name in names)


BUILD = Build(
    job_name="nightly",
    build_number=7,
    failures=(*failing("alpha", "a.one", "a.two", "a.two"), *failing("bravo", "b.one")),
    children=(
        ChildBuild("smoke", 3, failures=failing("alpha", "a.one", "s.only")),
        ChildBuild(
            "smoke",
            4,
            failures=failing("bravo", "a.one"),
            children=(ChildBuild("deep/child", 1, failures=failing("alpha", "a.one", "d.only")),),
        ),
    ),
)
"""Two groups that go through all builds, and a test whose name is in each of them."""


def parts_with(database: Database, workspaces: Path, provider: ScriptedProvider) -> Parts:
    """What the pipeline needs for failures that are there."""

    def nowhere(_order: JenkinsOrder, _secrets: Mapping[str, str]) -> JenkinsAccess:
        raise AssertionError("nothing is fetched")

    return Parts(
        database=database,
        provider_named=lambda _: provider,
        server_gate=asyncio.Semaphore(4),
        workspaces=workspaces,
        scratch=workspaces.parent,
        public_base_url="",
        seal=Seal("secret"),
        jenkins_access=nowhere,
        repository_tokens=lambda _orders, _secrets: {},
        desks=lambda _analysis, _secrets: ({}, ()),
        audience=EventHub(),
    )


def bug(question: Question) -> str:
    """A finding with a bug report."""
    report = {
        "title": "It breaks",
        "severity": "high",
        "component": "core",
        "description": "d",
        "evidence": "e",
    }
    return json.dumps({**json.loads(finding(question)), "product_bug_report": report})


async def accepted_build(parts: Parts, build: Build = BUILD) -> str:
    """Its analysis as it stands when the build has been fetched; the job id."""
    failures, outline = build.flattened()
    job_id = await accept(parts.database, Submission(OPTIONS, {}, failures=failures), parts.seal)
    async with parts.database.write() as connection:
        row = analyses.c.job_id == job_id
        named = update(analyses).where(row).values(job_name=build.job_name, build_number=build.build_number)
        await connection.execute(named)
        analysis_id = (await connection.execute(select(analyses.c.id).where(row))).scalar_one()
        await save_document(connection, analysis_id, OUTLINE, chunked([encode_outline(outline)]))
    return job_id


async def step(_name: str, work: Work) -> None:
    await work()


async def analysed_build(
    data_dir: Path, build: Build = BUILD, provider: ScriptedProvider | None = None
) -> str:
    """The job id of the finished analysis."""
    database = await Database.open(data_dir)
    try:
        parts = parts_with(database, data_dir / "workspaces", provider or ScriptedProvider(bug))
        job_id = await accepted_build(parts, build)
        await analyse(job_id, parts, step)
    finally:
        await database.close()
    return job_id
