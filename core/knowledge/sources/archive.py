"""Zip archives, read in memory and never unpacked to the disk: bounded in number, size and ratio."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from core.knowledge.sources.document import Unreadable

MOST_FILES = 10_000
LARGEST_FILE = 100 * 1024 * 1024
LARGEST_ALL = 500 * 1024 * 1024
# Text shrinks to a tenth; what shrinks to a thousandth was made to fill a disk.
MOST_RATIO = 200
SMALL = 1024 * 1024  # so little does no harm at any ratio
UTF8_NAME = 0x800
ENCRYPTED = 0x1


def files_of(data: bytes) -> Iterator[tuple[str, bytes | Unreadable]]:
    """Each file by its name, with slashes between folders. Raises Unreadable: the whole archive cannot be read."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise Unreadable(f"is no zip archive, or damaged ({error})", "Pack it again") from None
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > MOST_FILES:
            raise Unreadable(f"has {len(members)} files", f"At most {MOST_FILES} are read; pack it in parts")
        left = LARGEST_ALL
        for member in members:
            content = _content(archive, member, left)
            left -= len(content) if isinstance(content, bytes) else 0
            yield _name(member), content


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> bytes | Unreadable:
    name, size = _name(member), member.file_size
    if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
        return Unreadable("has a name that leads out of the archive", "Pack the folder again")
    if member.flag_bits & ENCRYPTED:
        return Unreadable("is encrypted", "Pack it without a password")
    if size > min(LARGEST_FILE, left):
        return Unreadable(
            f"would unpack to {size} bytes", f"At most {LARGEST_FILE} a file, {LARGEST_ALL} in all, are read"
        )
    if size > SMALL and size > MOST_RATIO * max(1, member.compress_size):
        return Unreadable(f"would unpack to {size // max(1, member.compress_size)} times its size", "Is it a zip bomb?")
    try:
        with archive.open(member) as file:
            content = file.read(size + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        return Unreadable(f"is damaged ({error})", "Pack it again")
    if len(content) > size:
        return Unreadable("is larger than the archive says", "Is it a zip bomb?")
    return content


def _name(member: zipfile.ZipInfo) -> str:
    """Windows writes Chinese names in GB18030 and does not say so; zipfile then takes them for code page 437."""
    name = member.filename
    if not member.flag_bits & UTF8_NAME and not name.isascii():
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            return name.replace("\\", "/")
        for encoding in ("utf-8", "gb18030"):
            try:
                return raw.decode(encoding).replace("\\", "/")
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")
