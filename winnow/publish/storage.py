"""Where a lake can be: a local folder or S3. Both take files and hold small texts."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from winnow.core.disk import sync
from winnow.core.errors import InputError, writing
from winnow.core.settings import S3Settings, Settings

_S3 = "s3://"
_UPLOADS = 8
_CHUNK = 8 << 20
_CONNECT_SECONDS = 10
_REQUEST_SECONDS = 60
_ATTEMPTS = 4
_REFUSED = (
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY_ID",
    "INVALID_CLIENT_TOKEN_ID",
    "SIGNATURE_DOES_NOT_MATCH",
)


class Place(Protocol):
    """A lake. Names are relative to it, with ``/`` between their parts.

    Every method raises InputError, in a sentence that names the place, when the place
    cannot be used.
    """

    staging: Path
    """A local folder, of this process only, for files that are not there yet."""

    lock: Path
    """A local file, which whoever writes to the lake has locked."""

    setting: str
    """The setting or option that names another staging folder."""

    def files(self, folder: str) -> list[str]:
        """The names of all files in ``folder`` and below it, sorted; empty when there
        is no such folder.
        """
        ...

    def take(self, staged: Mapping[str, Path]) -> None:
        """Bring local files there under the names given, replacing files of the same
        name. The local files may be moved away.
        """
        ...

    def read(self, name: str) -> str | None:
        """The text of a small file; None where it is not there."""
        ...

    def write(self, name: str, text: str) -> None:
        """Write a small file there, at once: a reader sees the old one or the new one,
        and the new one only after all files that were taken before.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove a file."""
        ...


def place_of(settings: Settings, address: str | None) -> Place:
    """The place of an address: ``s3://bucket/prefix``, a local folder, or, where it is
    None, the landing lake. S3 is asked at once whether it lets us in.
    """
    if address is None:
        return LocalPlace(settings.lake, "WINNOW_LAKE or --lake")
    if address.startswith(_S3):
        key = hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16]
        return S3Place(
            address,
            settings.temp_directory / f"lake-{key}",
            settings.state / f"lake-{key}.lock",
        )
    if "://" in address:
        raise InputError(f"{address}: a lake is a local folder or s3://bucket/prefix.")
    return LocalPlace(Path(address).absolute())


class LocalPlace:
    """A folder of this machine."""

    def __init__(self, root: Path, setting: str = "--lake") -> None:
        """Make the folder."""
        self.root = root
        self.setting = setting
        self.staging = root / ".publishing"
        self.lock = root / ".publishing.lock"
        self._touched: set[Path] = set()
        with self._explained():
            root.mkdir(parents=True, exist_ok=True)

    def __str__(self) -> str:
        """The folder."""
        return str(self.root)

    def files(self, folder: str) -> list[str]:
        """See Place."""
        with self._explained():
            paths = (self.root / folder).rglob("*")
            return sorted(
                path.relative_to(self.root).as_posix()
                for path in paths
                if path.is_file()
            )

    def take(self, staged: Mapping[str, Path]) -> None:
        """See Place. The files are moved, so that this takes a moment."""
        with self._explained():
            for file in staged.values():
                sync(file)
            for name, file in staged.items():
                target = self.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
                self._touched.add(target.parent)

    def read(self, name: str) -> str | None:
        """See Place."""
        with self._explained():
            try:
                return (self.root / name).read_text(encoding="utf-8")
            except FileNotFoundError:
                return None

    def write(self, name: str, text: str) -> None:
        """See Place."""
        with self._explained():
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self.staging.mkdir(parents=True, exist_ok=True)
            partial = self.staging / target.name
            partial.write_text(text, encoding="utf-8")
            for path in (partial, *sorted(self._touched)):
                sync(path)
            self._touched.clear()
            partial.replace(target)
            sync(target.parent)

    def delete(self, name: str) -> None:
        """See Place. Folders that it leaves empty go too."""
        with self._explained():
            path = self.root / name
            path.unlink(missing_ok=True)
            for folder in path.relative_to(self.root).parents[:-1]:
                if any((self.root / folder).iterdir()):
                    break
                (self.root / folder).rmdir()

    def _explained(self) -> AbstractContextManager[None]:
        return writing(self.root, self.setting)


class S3Place:
    """A prefix of an S3 bucket."""

    def __init__(self, address: str, staging: Path, lock: Path | None = None) -> None:
        """Log in at ``s3://bucket/prefix``, which is listed to see that it works."""
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

        self.staging = staging
        self.setting = "WINNOW_TEMP_DIRECTORY"
        self.lock = lock or staging.with_name(f"{staging.name}.lock")
        self._root = address.removeprefix(_S3).rstrip("/")
        self.address = f"{_S3}{self._root}"
        bucket = self._root.split("/")[0]
        if not bucket:
            raise InputError(f"{address}: an S3 lake is s3://bucket/prefix.")
        where = S3Settings()
        with self._explained():
            self._fs: Any = S3FileSystem(
                endpoint_override=where.endpoint_url,
                region=where.region,
                connect_timeout=_CONNECT_SECONDS,
                request_timeout=_REQUEST_SECONDS,
                retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
            )
            if self._fs.get_file_info(bucket).type.name == "NotFound":
                self._listed("")
                raise InputError(f"{self.address}: there is no bucket {bucket}.")
        self._listed("")

    def __str__(self) -> str:
        """The address."""
        return self.address

    def files(self, folder: str) -> list[str]:
        """See Place."""
        return self._listed(folder)

    def take(self, staged: Mapping[str, Path]) -> None:
        """See Place. Eight files travel at a time."""
        with ThreadPoolExecutor(_UPLOADS) as pool:
            for _ in pool.map(self._upload, staged.items()):
                pass

    def read(self, name: str) -> str | None:
        """See Place."""
        with self._explained():
            if self._fs.get_file_info(self._key(name)).type.name == "NotFound":
                return None
            with self._fs.open_input_stream(self._key(name)) as stream:
                return str(stream.read().decode())

    def write(self, name: str, text: str) -> None:
        """See Place: an object appears when all of it has arrived."""
        content = text.encode()
        self._put(name, io.BytesIO(content), len(content))

    def delete(self, name: str) -> None:
        """See Place."""
        with self._explained():
            self._fs.delete_file(self._key(name))

    def _upload(self, named: tuple[str, Path]) -> None:
        name, file = named
        with file.open("rb") as source:
            self._put(name, source, file.stat().st_size)

    def _put(self, name: str, source: BinaryIO, size: int) -> None:
        """Write an object and see that all ``size`` bytes are there, and no more:
        servers that do not know the checksums of newer clients keep them as content.
        """
        with self._explained():
            with self._fs.open_output_stream(self._key(name)) as stream:
                shutil.copyfileobj(source, stream, _CHUNK)
            stored_size = self._fs.get_file_info(self._key(name)).size
        if stored_size != size:
            raise InputError(
                f"{self.address}/{name} has {stored_size} bytes instead of {size}: the "
                "server may need AWS_REQUEST_CHECKSUM_CALCULATION=when_required."
            )

    def _listed(self, folder: str) -> list[str]:
        from pyarrow.fs import FileSelector

        selector = FileSelector(
            self._key(folder), recursive=bool(folder), allow_not_found=True
        )
        with self._explained():
            infos = self._fs.get_file_info(selector)
        return sorted(
            info.path.removeprefix(f"{self._root}/") for info in infos if info.is_file
        )

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            said = str(error).splitlines()[0].rstrip(".")
            if any(code in said for code in _REFUSED):
                raise InputError(
                    f"{self.address} refuses the keys: check AWS_ACCESS_KEY_ID and "
                    f"AWS_SECRET_ACCESS_KEY ({said})."
                ) from error
            raise InputError(f"{self.address} cannot be used: {said}.") from error
