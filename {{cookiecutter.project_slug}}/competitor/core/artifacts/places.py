"""Opens the configured store: a folder (the default), or a bucket that replicas share (A5)."""
# Contract file: replaced by updates.

import errno
import os
import stat
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..settings import Settings
from .faults import faults
from .store import FOLDER, Store

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

CONNECT = "5s"
# Longest time to read an object, for slow clients; every other step has a shorter limit (keeper.py).
READ = "1h"
RETRIES, RETRY_SECONDS = 2, 10


def open_store(settings: Settings) -> Store:
    """Opens the store of these settings. Blocks for a moment. Raises `ArtifactError`."""
    with faults():
        if settings.artifacts_bucket is not None:
            return Store(_bucket(settings, settings.artifacts_bucket))
        from obstore.store import LocalStore

        place = folder(settings)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (place / FOLDER).mkdir(mode=0o700, exist_ok=True)  # it also holds the key
        if settings.artifacts_dir is None and hasattr(os, "getuid"):
            _is_ours(place)
        return Store(LocalStore(str(place)), place)


def folder(settings: Settings) -> Path:
    """The configured folder, or else one in the system's temporary folder.

    All other folders may be read-only, for example in a container.
    """
    if settings.artifacts_dir is not None:
        return Path(settings.artifacts_dir)
    owner = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    return Path(tempfile.gettempdir()) / f"janus-artifacts{owner}"


def is_untouched(settings: Settings) -> bool:
    """Whether the store is a folder in which nothing was ever stored. Then there is nothing to delete."""
    return settings.artifacts_bucket is None and not (folder(settings) / FOLDER).is_dir()


def without_proxies() -> None:
    """Removes the environment variables that name proxies, because the store's client would use them (X1)."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


def _is_ours(place: Path) -> None:
    """Raises `PermissionError` if another user owns the folder or may write to it.

    This is possible because any user can create this folder in /tmp before this process does.
    """
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(errno.EPERM, f"{place} is open to other users; set JANUS_ARTIFACTS_DIR to another folder")


def _bucket(settings: Settings, name: str) -> "S3Store":
    """Opens the bucket. Without keys, requests are unsigned: X1 forbids fetching keys from a metadata service."""
    from obstore.store import S3Store

    access, secret = settings.artifacts_access_key, settings.artifacts_secret_key
    config: S3Config = {
        "endpoint": settings.artifacts_endpoint or f"https://s3.{settings.artifacts_region}.amazonaws.com",
        "region": settings.artifacts_region,
        "virtual_hosted_style_request": False,
        "skip_signature": access is None or secret is None,
    }
    if access is not None and secret is not None:
        config["access_key_id"] = access.get_secret_value()
        config["secret_access_key"] = secret.get_secret_value()
    return S3Store(
        name,
        config=config,
        client_options={"allow_http": True, "connect_timeout": CONNECT, "timeout": READ},
        retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )
