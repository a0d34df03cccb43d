"""The first tables."""

from __future__ import annotations

import importlib
import pkgutil

from alembic import op
from sqlmodel import SQLModel

import ros_sync

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables (STOPGAP during construction; replaced by explicit operations before landing)."""
    for module in pkgutil.walk_packages(ros_sync.__path__, "ros_sync."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)
    SQLModel.metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Take the tables back."""
