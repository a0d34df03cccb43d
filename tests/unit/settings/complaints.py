"""What is said about settings that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.errors import RosSyncError
from ros_sync.settings import load


def complaint(folder: Path) -> str:
    """Load what cannot be loaded; what is said about it, with the folder left out."""
    with pytest.raises(RosSyncError) as caught:
        load(folder)
    return str(caught.value).replace(f"{folder}/", "")
