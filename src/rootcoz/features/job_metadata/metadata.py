"""Reads and changes what is known about jobs, and keeps the rules at hand."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import structlog

from rootcoz.domain.errors import InvalidInput, NotFound
from rootcoz.domain.job_metadata import JobMetadata
from rootcoz.features.job_metadata.rules import Rules, read_rules
from rootcoz.store import job_metadata as store
from rootcoz.store.engine import Database

_log = structlog.get_logger(__name__)


class MetadataRules:
    """The rules of a file, read again when the file has changed.

    A file that has become unusable while the server runs leaves the rules as they were, and that is logged.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._rules = Rules()

    def load(self) -> None:
        """Read the file. InvalidInput for one that cannot be used."""
        if self.path is not None:
            self._seen = _fingerprint(self.path)
            self._rules = read_rules(self.path)

    def current(self) -> Rules:
        """The rules as the file has them now. Reads files: call it in a thread."""
        if self.path is not None and (seen := _fingerprint(self.path)) != self._seen:
            self._seen = seen
            try:
                self._rules = read_rules(self.path)
            except InvalidInput as error:
                _log.warning("metadata_rules_kept", reason=str(error))
        return self._rules

    def metadata_for(self, job_name: str) -> JobMetadata | None:
        """What the rules say of the job; None when none matches, or the job has no name."""
        return self.current().metadata_for(job_name) if job_name else None


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class JobMetadataBook:
    """The metadata of all jobs."""

    def __init__(self, database: Database, rules: MetadataRules) -> None:
        self._database = database
        self._rules = rules

    @property
    def rules_file(self) -> str | None:
        """Name of the rules' file, without its folder; None when there is none."""
        return None if self._rules.path is None else self._rules.path.name

    async def rules(self) -> Rules:
        """The rules as they are now."""
        return await asyncio.to_thread(self._rules.current)

    async def preview(self, job_name: str) -> JobMetadata | None:
        """What the rules would assign to the job; None when no rule matches."""
        return await asyncio.to_thread(self._rules.metadata_for, job_name)

    async def matching(self, filters: Mapping[str, str], labels: Collection[str]) -> list[JobMetadata]:
        """The jobs with these values and all of these labels, by name."""
        async with self._database.read() as connection:
            found = await store.list_metadata(connection, filters)
        wanted = set(labels)
        return [job for job in found if wanted.issubset(job.labels)]

    async def of(self, job_name: str) -> JobMetadata:
        """What is stored about the job. Raises NotFound."""
        async with self._database.read() as connection:
            found = await store.find_metadata(connection, job_name)
        if found is None:
            raise NotFound(f"There is no metadata for the job {job_name!r}.")
        return found

    async def change(self, job_name: str, changes: Mapping[str, object]) -> JobMetadata:
        """Set the named fields and keep the others."""
        async with self._database.write() as connection:
            return await store.change_metadata(connection, job_name, changes)

    async def replace(self, items: Sequence[JobMetadata]) -> None:
        """Make each item all that is known about its job; of several for one job the last counts."""
        last = {item.job_name: item for item in items}
        async with self._database.write() as connection:
            await store.replace_metadata(connection, list(last.values()))

    async def delete(self, job_name: str) -> None:
        """Forget what is known about the job. Raises NotFound."""
        async with self._database.write() as connection:
            if not await store.delete_metadata(connection, job_name):
                raise NotFound(f"There is no metadata for the job {job_name!r}.")
