"""A first mapping made from export files: their headings are known, their values say the rest."""

from ros_sync.connectors.export.proposing.headings import OBJECTS
from ros_sync.connectors.export.proposing.proposal import Proposal
from ros_sync.connectors.export.proposing.proposer import propose

__all__ = ["OBJECTS", "Proposal", "propose"]
