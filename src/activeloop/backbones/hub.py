"""Checkpoints from the Hugging Face hub, kept in its own cache: the second load needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from activeloop.errors import FetchError, MissingExtraError

#: what is fetched: settings, vocabularies and weights that cannot run code; nothing from folders within
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
UNWANTED = ("*/*", "*training*", "optimizer*")


@lru_cache(maxsize=32)
def fetch(source: str, revision: str | None = None) -> Path:
    """The folder of a checkpoint of the hub, fetched unless it is already there; the hub is asked once a process.

    Args:
        source: such as `facebook/esm2_t6_8M_UR50D`.
        revision: a branch, tag or commit; the main branch when None.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        FetchError: it cannot be had; nothing half fetched is used.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtraError("a foundation model", "models") from error
    try:
        with _quiet():
            return Path(
                snapshot_download(
                    source,
                    revision=revision,
                    allow_patterns=list(WANTED),
                    ignore_patterns=list(UNWANTED),
                    tqdm_class=_silent(),
                )
            )
    except HFValidationError as error:
        raise FetchError(
            f'"{source}" is neither a folder nor an id of the hub (owner/name). Check it; nothing was fetched.'
        ) from error
    except HfHubHTTPError as error:
        raise FetchError(f"{_refusal(source, revision, error)} Nothing was fetched.") from error
    except OSError as error:
        raise FetchError(
            f'"{source}" is not in the cache of the hub, or not all of it, and the hub cannot be reached '
            f"({_first_line(error)}). Connect once, or give the folder of a copy; nothing was loaded."
        ) from error
    except Exception as error:  # its network library's own errors share no base class with the others
        raise FetchError(
            f'"{source}" could not be fetched ({type(error).__name__}: {_first_line(error)}). Try again, or give the '
            "folder of a copy; nothing was loaded."
        ) from error


def _refusal(source: str, revision: str | None, error: Exception) -> str:
    """What the hub's answer means."""
    from huggingface_hub.utils import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):
        return f'"{source}" asks for consent: accept its terms on its page of the hub and log in with "hf auth login".'
    if isinstance(error, RevisionNotFoundError):
        return f'"{source}" has no revision "{revision}". Name a branch, tag or commit of it.'
    if isinstance(error, RepositoryNotFoundError):
        return f'The hub knows no "{source}" (or it is private). Check the id, or log in with "hf auth login".'
    return f'The hub refused "{source}" ({_first_line(error)}). Try again later.'


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing said about retries: what matters comes back as an error."""
    from huggingface_hub.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(50)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _silent() -> type:
    """A progress bar that shows nothing."""
    from huggingface_hub.utils import tqdm

    class Silent(tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "disable": True})

    return Silent
