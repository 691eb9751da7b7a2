"""The prompt file in the tests repository of an analysis that says what issues about its failures should tell."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from rootcoz.domain.analysis import RepositoryOrder
from rootcoz.domain.errors import InvalidInput, NotConfigured, OutsideError, Refused
from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.store.analyses import find_analysis
from rootcoz.store.engine import Database
from rootcoz.store.secrets import load_secrets
from rootcoz.workspace.addresses import repository
from rootcoz.workspace.folder import make_workspace
from rootcoz.workspace.prompt_files import AdviceKind, prompt_file_names, prompt_text, read_prompt_files
from rootcoz.workspace.repositories import clone

CLONE_TIMEOUT_S = 60.0
CLONE_LIMIT = 200_000_000
"""Bytes of a clone that is made for one file."""

log = structlog.get_logger()


class RepositoryFiles(Protocol):
    """Reads single files of a repository: `trackers.github.GitHubFiles`."""

    async def read(self, path: str, ref: str = "") -> bytes | None:
        """The file; None for what is none. Raises Refused when there is none, and Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class PromptParts:
    """What the file is fetched with."""

    database: Database
    seal: Seal
    files: Callable[[str, str, str], RepositoryFiles]
    """Given a repository's address, the token for it and the one for GitHub that came with the request. Raises
    NotConfigured where it is on no GitHub that the server knows."""
    tokens: Callable[[Sequence[RepositoryOrder], Mapping[str, str]], Mapping[str, str]]
    """Tokens by the repository's name, given the credentials that came with the request."""
    workspaces: Path
    scratch: Path


async def issue_prompt(job_id: str, parts: PromptParts) -> str:
    """The text of the file; empty when there is no such analysis, repository or file, or whatever goes wrong.

    So the reference has it (GET /results/{job_id}/issue-prompt); what went wrong stands in the log.
    """
    async with parts.database.read() as connection:
        analysis = await find_analysis(connection, job_id)
        if analysis is None:
            return ""
        order = next((repo for repo in analysis.options.repositories if repo.is_tests), None)
        if order is None:
            return ""
        try:
            secrets = await load_secrets(connection, analysis.id, parts.seal)
        except Unreadable:
            secrets = {}
    token = parts.tokens([order], secrets).get(order.name, "")
    try:
        try:
            files = parts.files(order.url, token, secrets.get("github_token", ""))
        except NotConfigured:  # not on GitHub
            return await _cloned(order, token, parts)
        return await _read(files, repository(order.name, order.url, ref=order.ref).ref or "")
    except (OutsideError, InvalidInput, OSError) as error:
        log.info("issue_prompt_not_read", job_id=job_id, reason=str(error))
        return ""


async def _read(files: RepositoryFiles, ref: str) -> str:
    for name in prompt_file_names(AdviceKind.ISSUE):
        try:
            content = await files.read(name, ref)
        except Refused:  # most often: there is no such file
            continue
        if content is not None and (text := prompt_text(content)):
            return text
    return ""


async def _cloned(order: RepositoryOrder, token: str, parts: PromptParts) -> str:
    workspace = make_workspace(parts.workspaces, f"prompt-{uuid.uuid4().hex}")
    try:
        folder = workspace.repository(order.name)
        spec = repository(order.name, order.url, ref=order.ref, token=token)
        await clone(
            spec,
            folder,
            depth=1,
            timeout_s=CLONE_TIMEOUT_S,
            max_bytes=CLONE_LIMIT,
            scratch=parts.scratch,
        )
        return read_prompt_files(folder).text(AdviceKind.ISSUE)
    finally:
        workspace.remove()
