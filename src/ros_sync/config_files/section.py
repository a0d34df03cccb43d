"""One map of a config file, asked by key: for files in which a key says as much as its value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ros_sync.config_files.config_file import ConfigFile
from ros_sync.config_files.nodes import Mapping, Node, Scalar, Sequence
from ros_sync.errors import Where
from ros_sync.fields import did_you_mean


class Section:
    """The values of a map by key, where each stands, and a note of what is wrong with them."""

    def __init__(self, config: ConfigFile, node: Node) -> None:
        self.config = config
        self._node = node
        self._pairs = config.pairs(node)

    def __contains__(self, key: str) -> bool:
        return key in self._pairs

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def key(self, key: str) -> Scalar:
        """The key as it is written."""
        return self._pairs[key][0]

    def value(self, key: str) -> Node | None:
        """The value's node, None where the key is absent."""
        return self._pairs[key][1] if key in self._pairs else None

    def holds_map(self, key: str) -> bool:
        """Whether the value is a map."""
        return isinstance(self.value(key), Mapping)

    def where(self, key: str | None = None, *, value: bool = False) -> Where:
        """Where a key (or its value) stands; without a key, where the section does."""
        return self.config.where(self._place(key, value=value))

    def problem(self, key: str | None, message: str, hint: str | None = None, *, value: bool = False) -> None:
        """Note a problem at a key of this section or its value, or (None) of the section."""
        self.config.problem(self._place(key, value=value), message, hint)

    def _place(self, key: str | None, *, value: bool) -> Node:
        return self._node if key is None else self._pairs[key][1 if value else 0]

    def allow(self, *known: str) -> None:
        """Note every key that is not among `known`."""
        for name, (key, _) in self._pairs.items():
            if name not in known:
                self.config.problem(key, f"unknown key {name!r}", did_you_mean(name, known))

    def require(self, key: str, what: str) -> bool:
        """Whether the key is there; a note that says what it is for where it is not."""
        if key not in self._pairs and isinstance(self._node, Mapping):
            self.config.lacks(self._node, key, what)
        return key in self._pairs

    def text(self, key: str) -> str | None:
        """A text, with the blanks that are written in it; None where absent or wrong."""
        return self.config.text(self.value(key), exact=True)

    def choice(self, key: str, known: Iterable[str]) -> str | None:
        """A text that is one of `known`."""
        return self.config.choice(self.value(key), known, exact=True)

    def flag(self, key: str) -> bool:
        """True or false; false where absent or wrong."""
        return self.config.flag(self.value(key)) or False

    def section(self, key: str) -> Section | None:
        """The map at `key`; None where absent, and after noting that it is something else."""
        node = self.value(key)
        section = None if node is None else Section(self.config, node)
        return section if self.holds_map(key) else None

    def sections(self, key: str) -> list[Section]:
        """The maps of the list at `key`; a note for all that is something else."""
        found = [(node, Section(self.config, node)) for node in self.config.items(self.value(key))]
        return [section for node, section in found if isinstance(node, Mapping)]

    def listed(self, key: str) -> list[Node]:
        """The items of the list at `key`, or the one value that stands there instead of a list."""
        node = self.value(key)
        if isinstance(node, Sequence):
            return node.items
        return [] if node is None else [node]
