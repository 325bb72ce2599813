"""Downloads one file of a Hugging Face repository into the Hub's own cache: once, resumed, and checked.

huggingface_hub finds the file, keeps the cache and knows the tokens. The transfer itself is ours, because
hf_hub_download (2.4) throws a partial file away when it is interrupted and checks no more than its size. So this
puts the checked file where hf_hub_download looks for it, and lets that link it. Xet storage is not used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

import httpx2
import structlog
from huggingface_hub import (
    get_hf_file_metadata,
    get_session,
    get_token,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.constants import ENDPOINT, HF_HUB_CACHE
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import HfFileMetadata, repo_folder_name

from core.errors import ModelUnavailable

log = structlog.get_logger("models.download")

_CHUNK = 1 << 20
_TIMEOUT_S = 20.0
_ATTEMPTS = 5
_TELL_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is, in bytes. ``total`` is 0 if the server does not say."""

    file: str
    done: int
    total: int


ProgressHook = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class HubFile:
    repo: str
    file: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repo}/{self.file}"


@dataclass(frozen=True, slots=True)
class Hub:
    """Where files come from and where they are kept. The defaults are huggingface_hub's: HF_ENDPOINT, HF_HOME, HF_TOKEN."""

    endpoint: str = ENDPOINT
    cache: Path = Path(HF_HUB_CACHE)
    token: str | None = None
    retry_s: float = 1.0


class _Damaged(Exception):
    pass


class Download:
    """``fetch`` blocks and belongs into a thread; ``progress`` is called from there. ``stop`` ends it soon, from anywhere."""

    def __init__(self, wanted: HubFile, hub: Hub, progress: ProgressHook | None = None) -> None:
        self._wanted = wanted
        self._hub = hub
        self._progress = progress
        self._stopped = threading.Event()
        self._told = 0.0

    def stop(self) -> None:
        self._stopped.set()

    def fetch(self) -> Path:
        """The path of the file. Raises ModelUnavailable with one sentence that says what to do."""
        try:
            return self._fetch()
        except ModelUnavailable:
            raise
        except Exception as error:
            raise ModelUnavailable(_sentence(error, self._wanted, self._hub)) from error

    def _fetch(self) -> Path:
        wanted, hub = self._wanted, self._hub
        url = hf_hub_url(wanted.repo, wanted.file, revision=wanted.revision, endpoint=hub.endpoint)
        try:
            found = get_hf_file_metadata(url, token=hub.token, endpoint=hub.endpoint)
        except (httpx2.TransportError, OfflineModeIsEnabled, HfHubHTTPError) as error:
            if isinstance(error, HfHubHTTPError) and not _passing(error.response.status_code):
                raise
            cached = try_to_load_from_cache(wanted.repo, wanted.file, cache_dir=hub.cache, revision=wanted.revision)
            if not isinstance(cached, str):
                raise
            log.info("the hub cannot be reached; the file that was downloaded before is used", reason=str(error))
            return Path(cached)
        if found.etag and found.commit_hash:
            cached = try_to_load_from_cache(wanted.repo, wanted.file, cache_dir=hub.cache, revision=found.commit_hash)
            if not isinstance(cached, str):
                folder = hub.cache / repo_folder_name(repo_id=wanted.repo, repo_type="model") / "blobs"
                self._transfer(url, found, folder / found.etag)
        path = hf_hub_download(
            wanted.repo,
            wanted.file,
            revision=wanted.revision,
            cache_dir=hub.cache,
            endpoint=hub.endpoint,
            token=hub.token,
        )
        return Path(path)

    # ── the transfer ─────────────────────────────────────────────────────────────────────────────────────

    def _transfer(self, url: str, found: HfFileMetadata, blob: Path) -> None:
        blob.parent.mkdir(parents=True, exist_ok=True)
        part = blob.with_name(f"{blob.name}.part")
        with part.open("ab+") as file, self._alone(file):
            if blob.exists():  # another process was faster
                part.unlink(missing_ok=True)
                return
            self._until_whole(url, found, file)
            file.flush()
            os.fsync(file.fileno())
            part.replace(blob)

    def _until_whole(self, url: str, found: HfFileMetadata, file: BufferedRandom) -> None:
        """Goes on after an interruption as long as something arrives; a damaged file is fetched once more."""
        failures = damages = 0
        while True:
            before = file.seek(0, os.SEEK_END)
            try:
                self._receive(url, found, file)
                _check(file, found)
                return
            except _Damaged:
                file.truncate(0)
                damages += 1
                if damages == 2:
                    raise
            except (httpx2.TransportError, httpx2.HTTPStatusError) as error:
                if isinstance(error, httpx2.HTTPStatusError) and not _passing(error.response.status_code):
                    raise
                failures = 1 if file.seek(0, os.SEEK_END) > before else failures + 1
                if failures == _ATTEMPTS:
                    raise
                log.warning("the download was interrupted; going on", file=str(self._wanted), reason=str(error))
                self._stopped.wait(self._hub.retry_s)

    def _receive(self, url: str, found: HfFileMetadata, file: BufferedRandom) -> None:
        done, total = file.seek(0, os.SEEK_END), found.size or 0
        if total and done == total:
            return
        if total and done > total:
            file.truncate(0)
            done = 0
        self._check_space(file, total - done)
        headers = {"Accept-Encoding": "identity"}
        if token := self._hub.token or get_token():
            headers["Authorization"] = f"Bearer {token}"  # the client drops it where a redirect leaves the hub
        if done:
            headers["Range"] = f"bytes={done}-"
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as response:
            if response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
                raise _Damaged("the partial file does not fit")
            response.raise_for_status()
            if done and response.status_code != httpx2.codes.PARTIAL_CONTENT:
                file.truncate(0)
                done = 0
            for chunk in response.iter_raw():
                self._raise_if_stopped()
                file.write(chunk)
                done += len(chunk)
                self._tell(done, total)
        if total and done < total:
            raise httpx2.RemoteProtocolError(f"the connection ended after {done} of {total} bytes")

    def _check_space(self, file: BufferedRandom, needed: int) -> None:
        folder = Path(file.name).parent
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise ModelUnavailable(
                f"{self._wanted} needs {needed / 1e6:.0f} MB more, but {folder} has {free / 1e6:.0f} MB free: "
                "make room, or set HF_HOME to a folder on another disk"
            )

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._progress and (done == total or now - self._told >= _TELL_EVERY_S):
            self._told = now
            self._progress(Progress(self._wanted.file, done, total))

    @contextmanager
    def _alone(self, file: BufferedRandom) -> Iterator[None]:
        """Only one process writes the partial file; the others wait for it, and find it finished."""
        while not self._stopped.is_set():
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            self._stopped.wait(0.2)
        self._raise_if_stopped()
        yield

    def _raise_if_stopped(self) -> None:
        if self._stopped.is_set():
            raise ModelUnavailable(f"the download of {self._wanted} was stopped; it goes on from there next time")


def _passing(status: int) -> bool:
    """A trouble of the server that may be over in a moment."""
    return status == 429 or status >= 500


def _check(file: BufferedRandom, found: HfFileMetadata) -> None:
    """The Hub names a big file by its SHA-256 and a small one by git's SHA-1 of it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    etag = found.etag or ""
    if len(etag) == 64:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    elif len(etag) == 40:
        sha1 = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while block := file.read(_CHUNK):
            sha1.update(block)
        digest = sha1.hexdigest()
    else:
        return
    if digest != etag:
        raise _Damaged(f"its hash is {digest}, the hub's is {etag}")


def _sentence(error: Exception, wanted: HubFile, hub: Hub) -> str:
    """One sentence: what is wrong, with which file, what to do."""
    match error:
        case GatedRepoError():
            return (
                f"{wanted.repo} is gated: accept its terms on {hub.endpoint}/{wanted.repo} "
                "and put a token of that account into HF_TOKEN"
            )
        case RevisionNotFoundError():
            return f"{wanted.repo} has no revision {wanted.revision!r}: correct model.revision in bot.yaml"
        case RemoteEntryNotFoundError():
            return f"{wanted.repo} has no file {wanted.file!r}: copy the name from {hub.endpoint}/{wanted.repo}/tree/{wanted.revision}"
        case RepositoryNotFoundError():
            return (
                f"there is no repository {wanted.repo} on {hub.endpoint}, or it is private: "
                "correct model.repo in bot.yaml, or put a token that may read it into HF_TOKEN"
            )
        case HFValidationError():
            return f"{wanted.repo!r} is no name of a Hugging Face repository: write owner/name in model.repo"
        case HfHubHTTPError() if error.response.status_code in (401, 403):
            return f"{hub.endpoint} refuses {wanted}: put a valid token into HF_TOKEN"
        case HfHubHTTPError():
            return f"{hub.endpoint} answers {error.response.status_code} for {wanted}: try again later"
        case httpx2.HTTPStatusError():
            return f"{hub.endpoint} answers {error.response.status_code} for {wanted}: try again later"
        case _Damaged():
            return f"{wanted} arrived damaged twice ({error}): try again, and check the proxy in between"
        case OfflineModeIsEnabled():
            return (
                f"{wanted} was not downloaded yet and HF_HUB_OFFLINE is set: unset it, or name a file with model.path"
            )
        case FileMetadataError() | LocalEntryNotFoundError():
            return (
                f"{hub.endpoint} does not answer like a Hugging Face hub for {wanted}: check HF_ENDPOINT and the proxy"
            )
        case httpx2.TransportError():
            return (
                f"{hub.endpoint} cannot be reached to download {wanted} ({error or type(error).__name__}): "
                "check the network, or name a file with model.path"
            )
        case OSError():
            return f"{wanted} cannot be stored in {hub.cache} ({error}): make it writable, or set HF_HOME to another folder"
        case _:
            return f"{wanted} cannot be downloaded: {error}"
