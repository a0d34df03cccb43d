"""The base of tables whose rows are handled as objects: alerts, messages, addresses. SQLModel makes a class of each.

Apart from `columns`, as loading SQLModel and making its classes costs several times as much as `ros-sync import` has to
do.

Files with such classes have no `from __future__ import annotations`: pydantic and SQLAlchemy would each read every one
anew.
"""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel
from sqlmodel._compat import SQLModelConfig

from ros_sync.mirror.columns import METADATA


class Stored(SQLModel, registry=registry(metadata=METADATA)):
    """What every such table is.

    Nobody gives these classes values to be checked, so the checks are not worked out whenever the program starts.
    """

    model_config = SQLModelConfig(defer_build=True)
