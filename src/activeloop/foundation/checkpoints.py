"""Checkpoints by hub id or folder: found, fetched, checked, loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from activeloop.errors import FetchError, MissingExtraError

#: of the extra `models`
PACKAGES = ("torch", "transformers", "safetensors")
#: what is fetched: settings, vocabularies and weights that cannot run code; nothing from folders within
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
UNWANTED = ("*/*", "*training*", "optimizer*")


def need_models() -> None:
    """Check before anything is loaded.

    Raises:
        MissingExtraError: torch, transformers or safetensors is not installed.
    """
    if any(find_spec(package) is None for package in PACKAGES):
        raise MissingExtraError("a foundation model", "models")


@lru_cache(maxsize=32)
def fetch(source: str, revision: str | None = None) -> Path:
    """The folder of a checkpoint of the hub, fetched unless it is already there; the hub is queried once a process.

    Args:
        source: such as `facebook/esm2_t6_8M_UR50D`.
        revision: a branch, tag or commit; the main branch when None.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        FetchError: it cannot be had; nothing half fetched is used.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import HfHubHTTPError, HFValidationError, logging, tqdm
    except ImportError as error:
        raise MissingExtraError("a foundation model", "models") from error

    class Silent(tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "disable": True})

    try:
        with _quiet(logging):
            folder = snapshot_download(
                source,
                revision=revision,
                allow_patterns=list(WANTED),
                ignore_patterns=list(UNWANTED),
                tqdm_class=Silent,
            )
            return Path(folder)
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
        return f'"{source}" is gated: accept its terms on its page of the hub and log in with "hf auth login".'
    if isinstance(error, RevisionNotFoundError):
        return f'"{source}" has no revision "{revision}". Name a branch, tag or commit of it.'
    if isinstance(error, RepositoryNotFoundError):
        return f'The hub knows no "{source}" (or it is private). Check the id, or log in with "hf auth login".'
    return f'The hub refused "{source}" ({_first_line(error)}). Try again later.'


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """No messages of a library (`huggingface_hub`, `transformers`) by its logging module: errors are raised anyway."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(50)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Neither progress bars, warnings nor reports of `transformers`."""
    import warnings

    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with _quiet(logging), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if bars:
            logging.enable_progress_bar()


#: the checkpoint that ships with this package, and where it is
BUNDLED = "activeloop/small"
SMALL = Path(__file__).parent / "small"
#: parameters that a checkpoint may lack: heads, and what no hidden state depends on
HEADS = ("lm_head.", "cls.")
UNUSED = ("contact_head.", "pooler.", "position_ids", "inv_freq", "embed_tokens.")


def folder_of(source: str, revision: str | None = None) -> Path:
    """The folder of a checkpoint; fetched from the hub when it is no folder.

    Raises:
        FetchError: it is neither, or no checkpoint with safe weights.
        MissingExtraError: it must be fetched and huggingface_hub is not installed.
    """
    if source == BUNDLED:
        if not (SMALL / "config.json").is_file():
            raise FetchError(
                f"this installation has no {BUNDLED} ({SMALL} is not there). Name a hub id such as "
                "facebook/esm2_t6_8M_UR50D, or the folder of a checkpoint; nothing was loaded."
            )
        return SMALL
    path = Path(source).expanduser()
    if path.is_dir():
        return _checked(path, source)
    if path.is_absolute() or source.startswith((".", "~")):
        raise FetchError(f"{source} is no folder. Check the path; nothing was loaded.")
    return _checked(fetch(source, revision), source)


def _checked(folder: Path, source: str) -> Path:
    if not (folder / "config.json").is_file():
        raise FetchError(f"{source} has no config.json, so it is no checkpoint. Check the name; nothing was loaded.")
    if not any(folder.glob("*.safetensors")):
        raise FetchError(
            f"{source} has no weights in the safetensors format, and other formats can run code. Convert them with "
            'save_pretrained, or name a revision that has them (on the hub often "refs/pr/1"); nothing was loaded.'
        )
    return folder


def settings_of(folder: Path) -> dict[str, Any]:
    """The content of config.json.

    Raises:
        FetchError: it cannot be read.
    """
    try:
        return json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FetchError(f"{folder / 'config.json'} cannot be read ({error}). Fetch it again.") from error


def fingerprint(source: str, revision: str | None = None) -> str:
    """32 hexadecimal digits that depend on the content of a checkpoint alone: its settings, vocabulary and weights."""
    folder = folder_of(source, revision)
    files = sorted(p for p in folder.iterdir() if p.suffix in (".json", ".txt", ".model", ".safetensors"))
    stats = ((p, p.stat()) for p in files)
    return _digest(tuple((str(p), s.st_size, s.st_mtime_ns) for p, s in stats))


@lru_cache(maxsize=16)
def _digest(files: tuple[tuple[str, int, int], ...]) -> str:
    """Read once a process for each state of the files."""
    whole = hashlib.blake2b(digest_size=16)
    for name, size, _ in files:
        whole.update(f"{Path(name).name}|{size}|".encode())
        with open(name, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def load_model(kind: str, source: str, revision: str | None = None) -> tuple[Any, bool]:
    """A `transformers` model in single precision and eval mode, nothing trainable.

    Args:
        kind: name of its class, such as `EsmForMaskedLM`.
        source: hub id or folder.
        revision: of the hub.

    Returns:
        The model, and whether the checkpoint has weights for its masked-language head.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        FetchError: it cannot be had, is of another architecture, or is not whole; nothing is left loaded.
    """
    need_models()
    import torch
    import transformers

    folder = folder_of(source, revision)
    cls = getattr(transformers, kind)
    found, expected = settings_of(folder).get("model_type"), cls.config_class.model_type
    if found != expected:
        raise FetchError(
            f'{source} is a checkpoint of the architecture "{found}", and {kind} needs "{expected}". Choose the family '
            "of models that it belongs to; nothing was loaded."
        )
    try:
        with _quiet_transformers(), torch.random.fork_rng(devices=[]):
            model, report = cls.from_pretrained(
                folder,
                attn_implementation="eager",
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # whatever a damaged file brings about
        raise FetchError(
            f"{source} cannot be loaded ({type(error).__name__}: {_first_line(error)}). A file may be cut off "
            "or of another version: fetch it again; nothing was loaded."
        ) from error
    missing = sorted(name for name in report["missing_keys"] if not any(part in name for part in UNUSED))
    needed = [name for name in missing if not name.startswith(HEADS)]
    if needed:
        raise FetchError(
            f"{source} lacks {len(needed)} of the weights of {kind} (the first: {needed[0]}). It is not the model that "
            "its config.json describes; nothing was loaded."
        )
    return model.float().eval().requires_grad_(False), not missing


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint, for models whose tokens are not residues.

    Raises:
        MissingExtraError: transformers is not installed.
        FetchError: the checkpoint has none that can be read.
    """
    need_models()
    from transformers import AutoTokenizer

    try:
        with _quiet_transformers():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever a damaged file brings about
        raise FetchError(
            f"the tokenizer of {folder} cannot be read ({type(error).__name__}: {_first_line(error)}). Fetch the "
            "checkpoint again; nothing was loaded."
        ) from error
