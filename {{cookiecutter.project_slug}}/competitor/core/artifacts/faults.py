"""Turns the errors of a store (a folder or a bucket) into `ArtifactError`."""
# Contract file: replaced by updates.

import errno
import re

from ..errors import ArtifactError

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_KINDS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "disk_full"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "read_only"),
}


class faults:  # noqa: N801 - reads as a statement: `with faults():`
    """Raises `KeyError` for an object that does not exist, and `ArtifactError` for any other error of a store."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, ArtifactError | KeyError | GeneratorExit):
            return
        if isinstance(error, FileNotFoundError):
            raise KeyError("nothing is stored under this id") from None
        if isinstance(error, OSError | ValueError) or type(error).__module__.startswith("obstore"):
            raise failure(error) from None


def failure(error: BaseException) -> ArtifactError:
    """The `ArtifactError` for a store's error. Only the first line of `error` is logged: the rest may hold secrets."""
    first = str(error).partition("\n")[0]
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := _OS_ERROR.search(first)):
        number = int(found[1])
    return ArtifactError(_KINDS.get(number or 0, "unavailable"), detail=f"{type(error).__name__}: {first[:200]}")
