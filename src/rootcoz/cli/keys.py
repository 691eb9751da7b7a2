"""The commands `keys`: the keys that saved credentials are sealed with."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from rootcoz.cli.exit_codes import COULD_NOT_ANALYSE, NOTHING_FAILED
from rootcoz.cli.messages import say
from rootcoz.domain.errors import InvalidInput
from rootcoz.features.key_ring import KeyRing, KeyStatus, Rotated
from rootcoz.kit.sealed import new_secret, replace_file
from rootcoz.settings import Settings, load_settings
from rootcoz.store.sealing import KeyLost
from rootcoz.wiring import KEY_FILE, key_lost, locked_data_directory, open_key_ring

Outcome = TypeVar("Outcome")


def show_keys(data_dir: Path | None) -> int:
    """Say what the keys are like; the exit code. Raises RootcozError."""
    settings = load_settings(project_files=True, data_dir=data_dir)
    _report(_run(settings, KeyRing.status))
    return NOTHING_FAILED


def rotate_keys(data_dir: Path | None, new_key_file: Path | None) -> int:
    """Seal everything with a new key; the exit code. Raises RootcozError."""
    settings = load_settings(project_files=True, data_dir=data_dir)
    by_setting = settings.encryption_key is not None
    if by_setting:
        secret = _secret_of(new_key_file) if new_key_file else None
        install = None
    else:
        if new_key_file is not None:
            raise InvalidInput(
                "--new-key-file is for servers whose key is the setting ROOTCOZ_ENCRYPTION_KEY. Here the key lies in "
                f"{settings.data_dir / KEY_FILE}, and the new one is put there."
            )
        secret, install = None, lambda text: replace_file(settings.data_dir / KEY_FILE, text)

    async def rotate(ring: KeyRing) -> Rotated:
        status = await ring.status()
        wanted = secret
        if not status.in_progress and wanted is None and status.own_key_id == status.key_id:
            if by_setting:
                raise InvalidInput(
                    "Name a file with the new key: --new-key-file FILE. It is made, with a random key, if it is not "
                    "there."
                )
            wanted = new_secret()
        return await ring.rotate(wanted, install)

    done = _run(settings, rotate)
    say(f"Sealed anew: {done.sealed_anew}. Everything is sealed with the key {done.status.key_id} now.")
    if done.status.own_key_id != done.status.key_id and by_setting:
        say(
            "The former key still leads to the new one. Set ROOTCOZ_ENCRYPTION_KEY to the new key for every server "
            "and worker, restart them when it suits, then run rootcoz keys rotate once more with it: that ends the "
            "former key."
        )
    if done.unreadable:
        say(f"{done.unreadable} values cannot be opened with any key there is; they were left as they are.")
        return COULD_NOT_ANALYSE
    return NOTHING_FAILED


def abandon_keys(data_dir: Path | None) -> int:
    """Delete what nobody can open any more; the exit code. Raises RootcozError."""
    settings = load_settings(project_files=True, data_dir=data_dir)
    with locked_data_directory(settings):
        values, keys = _run(settings, KeyRing.abandon)
    say(f"Deleted {values} values that no key opens, and {keys} API keys. Users need new keys.")
    return NOTHING_FAILED


def _run(settings: Settings, work: Callable[[KeyRing], Awaitable[Outcome]]) -> Outcome:
    async def run() -> Outcome:
        async with open_key_ring(settings) as ring:
            try:
                return await work(ring)
            except KeyLost as lost:
                raise key_lost(settings, lost) from None

    return asyncio.run(run())


def _report(status: KeyStatus) -> None:
    say(f"New values are sealed with the key {status.key_id}.")
    if status.rotated_at:
        say(f"It was changed last at {status.rotated_at}.")
    for key_id, count in sorted(status.values.items()):
        say(f"Key {key_id}: {count} values.")
    if status.in_progress or status.own_key_id != status.key_id:
        say("A rotation is not finished: run rootcoz keys rotate.")
    if status.unreadable:
        say(f"{status.unreadable} values cannot be opened with any key there is.")


def _secret_of(file: Path) -> str:
    """The key in the file, which is made with a random one if it is not there."""
    if not file.exists():
        replace_file(file, new_secret())
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
