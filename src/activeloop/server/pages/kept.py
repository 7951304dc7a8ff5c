"""Files that a person uploaded to look at before anything is stored: kept by content, named by a signed word."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import FormData, UploadFile

from activeloop.errors import InputError
from activeloop.server.uploads import MEDIA, plain_name

SECONDS = 24 * 3600
"""For which the word of a file holds."""


@dataclass(frozen=True)
class Kept:
    """A file that was uploaded.

    Args:
        name: of the file, without folders.
        content: its bytes.
        key: under which it is kept.
        word: by which it is named in the next form.
    """

    name: str
    content: bytes
    key: str
    word: str


def upload_of(request: Request, form: FormData, field: str, scope: str) -> Kept | None:
    """The file of a form: uploaded now, or before and named by its word; None where there is none.

    Args:
        request: of the form.
        form: its fields.
        field: of the file; that of the word is this and `_word`.
        scope: for which the word holds, such as a campaign's key: no file of one is read in another.

    Raises:
        InputError: the word is not ours, or too old.
    """
    return next(iter(uploads_of(request, form, field, scope)), None)


def uploads_of(request: Request, form: FormData, field: str, scope: str) -> list[Kept]:
    """The files of a form's field that may hold several; arguments and errors as of `upload_of`.

    Those that are chosen now stand in place of those of before.
    """
    given = [one for one in form.getlist(field) if isinstance(one, UploadFile) and one.filename]
    if given:
        return [keep(request, plain_name(str(one.filename)), one.file.read(), scope) for one in given]
    words = [word for word in form.getlist(f"{field}_word") if isinstance(word, str) and word]
    return [_kept(request, word, scope) for word in words]


def _kept(request: Request, word: str, scope: str) -> Kept:
    """The file that was uploaded before and is named by its word.

    Raises:
        InputError: the word is not ours, or too old.
    """
    try:
        name, key = _signer(request, scope).loads(word, max_age=SECONDS)
    except (BadSignature, ValueError) as error:
        raise InputError("this page is too old: choose the file again. Nothing was stored.") from error
    return Kept(name, request.app.state.store.objects.get(key, MEDIA, f'file "{name}"'), key, word)


def keep(request: Request, name: str, content: bytes, scope: str) -> Kept:
    """Keep a file until somebody has decided about it.

    Args:
        request: with which it came.
        name: of the file.
        content: its bytes.
        scope: as in `upload_of`.
    """
    key = request.app.state.store.objects.put(content, MEDIA)
    return Kept(name, content, key, _signer(request, scope).dumps([name, key]))


def _signer(request: Request, scope: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(request.app.state.secret, salt=f"upload {scope}")
