"""Accepting an analysis: read what was sent, refuse what cannot be read, and have it on disk before saying yes."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rootcoz.domain.analysis import AnalysisOptions, AnalysisStatus, JenkinsOrder, StoredAnalysis
from rootcoz.domain.errors import NoSuchAnalysis
from rootcoz.domain.failure import Build, Failure
from rootcoz.kit.chunks import Chunk, chunked
from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.sources.jenkins.names import name_of
from rootcoz.sources.junit_xml import read_junit
from rootcoz.store.analyses import NewAnalysis, add_analysis, analysis_status
from rootcoz.store.builds import FAILURES, encode_failures, report_kind
from rootcoz.store.documents import copy_documents, save_document
from rootcoz.store.engine import Database
from rootcoz.store.secrets import load_secrets, save_secrets

_READ_SIZE = 256 * 1024


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report document that waits on disk, in UTF-8."""

    name: str
    """What the caller calls it; empty for the only one."""
    path: Path


@dataclass(frozen=True, slots=True)
class Submission:
    """What a caller wants analysed: either raw failures or report documents."""

    options: AnalysisOptions
    request_params: Mapping[str, object]
    """For the record, without credentials."""
    failures: Sequence[Failure] = ()
    reports: Sequence[ReportFile] = ()
    created_by: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The credentials that came with it; they are kept sealed."""


async def accept_order(
    database: Database,
    order: JenkinsOrder,
    *,
    options: AnalysisOptions,
    request_params: Mapping[str, object],
    secrets: Mapping[str, str],
    seal: Seal,
    created_by: str = "",
) -> str:
    """Keep the order for a Jenkins build; returns its new job id, with status waiting or pending.

    `secrets` are the credentials that came with the request; they are kept sealed. Raises InvalidInput for an
    impossible name.
    """
    name = name_of(order.job_name, order.build_number)
    job_id = str(uuid.uuid4())
    new = NewAnalysis(
        job_id=job_id,
        source="jenkins",
        options=options,
        request_params=request_params,
        reports=(),
        notes=options.notes,
        failure_count=0,
        created_by=created_by,
        order=order,
        jenkins_url=f"{order.url.rstrip('/')}/{name.path}",
        status=AnalysisStatus.WAITING if order.wait else AnalysisStatus.PENDING,
    )
    async with database.write() as connection:
        analysis_id = await add_analysis(connection, new)
        await save_secrets(connection, analysis_id, secrets, seal)
    return job_id


async def accept(database: Database, submission: Submission, seal: Seal) -> str:
    """Read and keep the submission; returns its new job id, with status pending.

    Raises InvalidReport, naming the document when there are several; then nothing is kept.
    """
    build = await asyncio.to_thread(read_build, submission.failures, submission.reports)
    packed = await asyncio.to_thread(_pack, build, submission.reports)
    job_id = str(uuid.uuid4())
    new = NewAnalysis(
        job_id=job_id,
        source="junit" if submission.reports else "failures",
        options=submission.options,
        request_params=submission.request_params,
        reports=build.reports,
        notes=(*build.notes, *submission.options.notes),
        failure_count=len(build.failures),
        created_by=submission.created_by,
    )
    async with database.write() as connection:
        analysis_id = await add_analysis(connection, new)
        await save_secrets(connection, analysis_id, submission.secrets, seal)
        for kind, chunks in packed.items():
            await save_document(connection, analysis_id, kind, chunks)
    return job_id


async def stored_secrets(
    database: Database, analysis: StoredAnalysis, seal: Seal
) -> tuple[dict[str, str], Sequence[str]]:
    """The credentials that came with the analysis, and sentences about why they are not there any more."""
    async with database.read() as connection:
        try:
            return await load_secrets(connection, analysis.id, seal), ()
        except Unreadable:
            lost = (
                "The credentials of the first request could not be opened: the encryption key is another one."
            )
            return {}, (lost,)


async def accept_again(
    database: Database,
    earlier: StoredAnalysis,
    *,
    order: JenkinsOrder | None,
    options: AnalysisOptions,
    request_params: Mapping[str, object],
    secrets: Mapping[str, str],
    seal: Seal,
    created_by: str = "",
) -> str:
    """Keep a new analysis of what an earlier one was about; returns its job id.

    `order`: the earlier one's, for a build that is to be fetched again. What was sent directly is copied as it was
    read. Raises NotFound when the earlier analysis has been deleted meanwhile.
    """
    job_id = str(uuid.uuid4())
    new = NewAnalysis(
        job_id=job_id,
        source=earlier.source,
        options=options,
        request_params=request_params,
        reports=earlier.reports,
        notes=options.notes,
        failure_count=0 if order else earlier.failure_count,
        created_by=created_by,
        order=order,
        jenkins_url=earlier.jenkins_url,
        status=AnalysisStatus.WAITING if order and order.wait else AnalysisStatus.PENDING,
        reanalysis_of=earlier.job_id,
    )
    kinds = [] if order else [FAILURES, *(report_kind(number) for number in range(len(earlier.reports)))]
    async with database.write() as connection:
        if await analysis_status(connection, earlier.job_id) is None:
            raise NoSuchAnalysis(earlier.job_id)
        analysis_id = await add_analysis(connection, new)
        await copy_documents(connection, earlier.id, analysis_id, kinds)
        await save_secrets(connection, analysis_id, secrets, seal)
    return job_id


def read_build(failures: Sequence[Failure], reports: Sequence[ReportFile]) -> Build:
    """All failures of all documents as one build. Blocks: call it in a thread."""
    found = list(failures)
    summaries = []
    notes: list[str] = []
    for number, report in enumerate(reports):
        with report.path.open("rb") as stream:
            read = read_junit(stream, report=number, name=report.name, encoding="utf-8")
        summaries.append(read.summary)
        notes += read.notes
        found += read.failures
    return Build(failures=tuple(found), reports=tuple(summaries), notes=tuple(notes))


def _pack(build: Build, reports: Sequence[ReportFile]) -> dict[str, list[Chunk]]:
    packed = {FAILURES: list(chunked(encode_failures(build.failures)))}
    for number, report in enumerate(reports):
        packed[report_kind(number)] = list(chunked(_blocks(report.path)))
    return packed


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_READ_SIZE):
            yield block
