"""Request bodies: forms with known fields, each at most once, and uploads."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from mvsdk.bundle.unverified import FILE_LIMIT
from mvsdk.cloud import identifiers
from mvsdk.cloud.http.problems import Problem

FORM_LIMIT = 64 * 1024
"""Bytes of a form: a value of 4096 characters takes up to 48 KiB once each of its bytes is escaped."""
_FIELDS_MOST = 32
_UPLOAD_FIELDS_MOST = 8
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A file and the text fields that came with it."""

    file: bytes
    fields: Mapping[str, str]


async def read_form(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the fields of an `application/x-www-form-urlencoded` body. Raises Problem.

    Fields that are not `known` are ignored, as the original does [inferred]; a known one twice is refused.
    """
    body = bytearray()
    async for chunk in _limited(request, FORM_LIMIT):
        body += chunk
    if not body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem("unsupported-media-type", f"The body is {kind or 'of no type'}, not a URL-encoded form")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MOST)
    except ValueError as error:
        raise Problem("bad-parameter", "The body is not a URL-encoded form of UTF-8 text") from error
    return _fields(pairs, known)


async def read_upload(request: Request, known: Collection[str]) -> UploadForm:
    """Return the part `File` of a `multipart/form-data` body, and its `known` fields. Raises Problem."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem("unsupported-media-type", "A bundle is uploaded as multipart/form-data, in the part File")
    stream = _limited(request, FILE_LIMIT + FORM_LIMIT)
    parser = MultiPartParser(
        request.headers,
        stream,
        max_files=1,
        max_fields=_UPLOAD_FIELDS_MOST,
        max_part_size=FORM_LIMIT,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError, LookupError) as error:
        raise Problem("bad-parameter", "The body is not well-formed multipart/form-data with one file") from error
    try:
        pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        parts = [value for name, value in form.multi_items() if not isinstance(value, str) and name == "File"]
        if not parts:
            raise Problem("bad-parameter", "The part File with the bundle is missing")
        return UploadForm(await parts[0].read(), _fields(pairs, known))
    finally:
        await form.close()


def required(fields: Mapping[str, str], name: str, most: int) -> str:
    """Return a field that must be there and may have `most` characters. Raises Problem."""
    if name not in fields:
        raise Problem("bad-parameter", f"The parameter {name} is missing")
    value = fields[name]
    if len(value) > most:
        raise Problem("bad-parameter", f"The parameter {name} has {len(value)} characters, {most} are allowed")
    if "\0" in value:
        raise Problem("bad-parameter", f"The parameter {name} has a zero character")
    return value


def key(fields: Mapping[str, str], most: int) -> str:
    """Return the field Key: what will stand at the end of a path. Raises Problem."""
    value = required(fields, "Key", most)
    if not value or _CONTROL.search(value) or {".", ".."} & set(value.split("/")):
        raise Problem("bad-parameter", "The parameter Key is empty, has control characters, or a part that is . or ..")
    return value


def boolean(fields: Mapping[str, str], name: str) -> bool | None:
    """Return a field that says "true" or "false"; None where it is missing. Raises Problem."""
    value = fields.get(name)
    if value is None:
        return None
    if value.lower() not in {"true", "false"}:
        raise Problem("bad-parameter", f"The parameter {name} is neither true nor false")
    return value.lower() == "true"


def unique_name(fields: Mapping[str, str]) -> str | None:
    """Return the field UniqueName; None where it is missing or empty. Raises Problem."""
    value = fields.get("UniqueName") or None
    if value is None:
        return None
    if not identifiers.is_unique_name(value):
        most = identifiers.NAME_LENGTH
        raise Problem(
            "bad-parameter",
            f"The parameter UniqueName has up to {most} characters, no slash, and does not look like a SID",
        )
    return value


def _fields(pairs: list[tuple[str, str]], known: Collection[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise Problem("bad-parameter", f"The parameter {name} is there twice")
        if "\0" in value or (not value.isprintable() and _has_surrogates(value)):
            raise Problem("bad-parameter", f"The parameter {name} is no text")
        if name in known:
            fields[name] = value
    return fields


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """Yield the body's pieces while they are no more than allowed."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise Problem("too-large", str(most))
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > most:
            raise Problem("too-large", str(most))
        yield chunk
