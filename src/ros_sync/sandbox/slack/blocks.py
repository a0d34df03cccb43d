"""Block Kit as Slack checks it: each problem is worded like Slack's, with a JSON pointer to its place.

The limits are those of Slack's "Reference: blocks", "block elements" and "composition objects".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_BLOCKS = 50  # a message; modals and home tabs take 100
MAX_TOTAL_CHARS = 13_200  # all text of a message's blocks; undocumented, measured in slackapi/bolt-js issue 2509
MAX_ID_CHARS = 255  # block_id and action_id
MAX_SECTION_CHARS = 3_000
MAX_FIELDS = 10
MAX_FIELD_CHARS = 2_000
MAX_HEADER_CHARS = 150
MAX_MARKDOWN_CHARS = 12_000  # all markdown blocks of a message together
MAX_ACTIONS = 25
MAX_CONTEXT = 10
MAX_BUTTON_CHARS = 75
MAX_VALUE_CHARS = 2_000
MAX_URL_CHARS = 3_000
MAX_PLACEHOLDER_CHARS = 150
MAX_OPTIONS = 100
MAX_OVERFLOW_OPTIONS = 5
MAX_OPTION_CHARS = 75
MAX_OPTION_VALUE_CHARS = 150
MAX_ALT_CHARS = 2_000
MAX_TITLE_CHARS = 2_000
MAX_CONFIRM_TITLE_CHARS = 100
MAX_CONFIRM_TEXT_CHARS = 300
MAX_CONFIRM_BUTTON_CHARS = 30

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TEXT_TYPES = ("plain_text", "mrkdwn")
_STYLES = ("primary", "danger")


def problems(blocks: object) -> list[str]:
    """What is wrong with a message's `blocks`, as `[ERROR] must be … [json-pointer:/blocks/0/…]`.

    Empty when nothing.
    """
    check = _Check()
    if check.is_list(blocks, "/blocks", most=MAX_BLOCKS):
        assert isinstance(blocks, list)
        for index, block in enumerate(blocks):
            check.block(block, f"/blocks/{index}")
    if check.markdown_chars > MAX_MARKDOWN_CHARS:
        check.error(f"must be less than {MAX_MARKDOWN_CHARS + 1} characters", "/blocks")
    return check.found


def total_chars(value: object) -> int:
    """How many characters of text stand in blocks, wherever they stand."""
    if isinstance(value, list):
        return sum(total_chars(item) for item in value)
    if isinstance(value, dict):
        own = sum(len(item) for key, item in value.items() if key in ("text", "alt_text") and isinstance(item, str))
        return own + sum(total_chars(item) for item in value.values() if isinstance(item, list | dict))
    return 0


@dataclass(slots=True)
class _Check:
    found: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    action_ids: set[str] = field(default_factory=set)
    markdown_chars: int = 0

    def error(self, what: str, pointer: str) -> None:
        self.found.append(f"[ERROR] {what} [json-pointer:{pointer}]")

    def is_object(self, value: object, pointer: str) -> bool:
        if isinstance(value, dict):
            return True
        self.error("must provide an object", pointer)
        return False

    def is_list(self, value: object, pointer: str, *, most: int | None = None, least: int = 0) -> bool:
        if not isinstance(value, list):
            self.error("must provide an array", pointer)
            return False
        if most is not None and len(value) > most:
            self.error(f"no more than {most} items allowed", pointer)
        elif len(value) < least:
            self.error(f"no fewer than {least} items allowed", pointer)
        return True

    def keys(self, value: dict[str, Any], pointer: str, required: str, optional: str = "") -> bool:
        """Required keys (separated by spaces) are there, and no unknown ones."""
        missing = [key for key in required.split() if value.get(key) is None]
        for key in missing:
            self.error(f"missing required field: {key}", pointer)
        for key in value.keys() - {"type", *required.split(), *optional.split()}:
            self.error(f"invalid additional property: {key}", pointer)
        return not missing

    def string(self, value: object, pointer: str, most: int, least: int = 1) -> None:
        if not isinstance(value, str):
            self.error("must be a string", pointer)
        elif len(value) > most:
            self.error(f"must be less than {most + 1} characters", pointer)
        elif len(value) < least:
            self.error(f"must be more than {least - 1} characters", pointer)

    def optional_string(self, holder: dict[str, Any], key: str, pointer: str, most: int) -> None:
        if holder.get(key) is not None:
            self.string(holder[key], f"{pointer}/{key}", most)

    def text(self, value: object, pointer: str, most: int, types: tuple[str, ...] = _TEXT_TYPES) -> None:
        """A text object of one of `types`, not empty, of at most `most` characters."""
        if not self.is_object(value, pointer):
            return
        assert isinstance(value, dict)
        if value.get("type") not in types:
            self.error(f"unsupported type: {value.get('type')}", f"{pointer}/type")
        elif self.keys(value, pointer, "text", "emoji" if value["type"] == "plain_text" else "verbatim"):
            self.string(value["text"], f"{pointer}/text", most)

    def plain(self, value: object, pointer: str, most: int) -> None:
        self.text(value, pointer, most, ("plain_text",))

    def block(self, block: object, pointer: str) -> None:
        if not self.is_object(block, pointer):
            return
        assert isinstance(block, dict)
        checker = _BLOCKS.get(str(block.get("type")))
        if block.get("type") is None:
            self.error("missing required field: type", pointer)
        elif checker is None:
            self.error(f"unsupported type: {block['type']}", f"{pointer}/type")
        else:
            self.optional_string(block, "block_id", pointer, MAX_ID_CHARS)
            block_id = block.get("block_id")
            if isinstance(block_id, str) and block_id in self.block_ids:
                self.error(f'block_id "{block_id}" already exists', f"{pointer}/block_id")
            if isinstance(block_id, str):
                self.block_ids.add(block_id)
            self.action_ids = set()
            checker(self, block, pointer)

    def section(self, block: dict[str, Any], pointer: str) -> None:
        self.keys(block, pointer, "", "block_id text fields accessory expand")
        if block.get("text") is None and block.get("fields") is None:
            self.error("missing required field: text", pointer)
        if block.get("text") is not None:
            self.text(block["text"], f"{pointer}/text", MAX_SECTION_CHARS)
        if block.get("fields") is not None and self.is_list(
            block["fields"], f"{pointer}/fields", most=MAX_FIELDS, least=1
        ):
            for index, item in enumerate(block["fields"]):
                self.text(item, f"{pointer}/fields/{index}", MAX_FIELD_CHARS)
        if block.get("accessory") is not None:
            self.element(block["accessory"], f"{pointer}/accessory", _ACCESSORIES)

    def header(self, block: dict[str, Any], pointer: str) -> None:
        if self.keys(block, pointer, "text", "block_id level"):
            self.plain(block["text"], f"{pointer}/text", MAX_HEADER_CHARS)

    def divider(self, block: dict[str, Any], pointer: str) -> None:
        self.keys(block, pointer, "", "block_id")

    def markdown(self, block: dict[str, Any], pointer: str) -> None:
        if self.keys(block, pointer, "text", "block_id"):
            self.string(block["text"], f"{pointer}/text", MAX_MARKDOWN_CHARS)
            self.markdown_chars += len(str(block["text"]))

    def context(self, block: dict[str, Any], pointer: str) -> None:
        if not self.keys(block, pointer, "elements", "block_id"):
            return
        if self.is_list(block["elements"], f"{pointer}/elements", most=MAX_CONTEXT, least=1):
            for index, item in enumerate(block["elements"]):
                place = f"{pointer}/elements/{index}"
                if isinstance(item, dict) and item.get("type") == "image":
                    self.image_element(item, place)
                else:
                    self.text(item, place, MAX_SECTION_CHARS)

    def actions(self, block: dict[str, Any], pointer: str) -> None:
        if not self.keys(block, pointer, "elements", "block_id"):
            return
        if self.is_list(block["elements"], f"{pointer}/elements", most=MAX_ACTIONS, least=1):
            for index, item in enumerate(block["elements"]):
                self.element(item, f"{pointer}/elements/{index}", _INTERACTIVE)

    def image(self, block: dict[str, Any], pointer: str) -> None:
        self.image_source(block, pointer, "block_id title")
        if block.get("title") is not None:
            self.plain(block["title"], f"{pointer}/title", MAX_TITLE_CHARS)

    def image_element(self, element: dict[str, Any], pointer: str) -> None:
        self.image_source(element, pointer, "")

    def image_source(self, holder: dict[str, Any], pointer: str, optional: str) -> None:
        if self.keys(holder, pointer, "alt_text", f"image_url slack_file {optional}"):
            self.string(holder["alt_text"], f"{pointer}/alt_text", MAX_ALT_CHARS)
        if (holder.get("image_url") is None) == (holder.get("slack_file") is None):
            self.error("must provide either image_url or slack_file", pointer)
        self.optional_string(holder, "image_url", pointer, MAX_URL_CHARS)

    def element(self, element: object, pointer: str, allowed: dict[str, ElementCheck]) -> None:
        if not self.is_object(element, pointer):
            return
        assert isinstance(element, dict)
        checker = allowed.get(str(element.get("type")))
        if checker is None:
            self.error(f"unsupported type: {element.get('type')}", f"{pointer}/type")
            return
        action_id = element.get("action_id")
        self.optional_string(element, "action_id", pointer, MAX_ID_CHARS)
        if isinstance(action_id, str) and action_id in self.action_ids:
            self.error(f'action_id "{action_id}" already exists in this block', f"{pointer}/action_id")
        if isinstance(action_id, str):
            self.action_ids.add(action_id)
        if element.get("confirm") is not None:
            self.confirm(element["confirm"], f"{pointer}/confirm")
        checker(self, element, pointer)

    def button(self, element: dict[str, Any], pointer: str) -> None:
        if self.keys(element, pointer, "text", "action_id url value style confirm accessibility_label"):
            self.plain(element["text"], f"{pointer}/text", MAX_BUTTON_CHARS)
        self.optional_string(element, "value", pointer, MAX_VALUE_CHARS)
        self.optional_string(element, "url", pointer, MAX_URL_CHARS)
        if element.get("style") is not None and element["style"] not in _STYLES:
            self.error("must be one of: primary, danger", f"{pointer}/style")

    def overflow(self, element: dict[str, Any], pointer: str) -> None:
        if self.keys(element, pointer, "options", "action_id confirm"):
            self.options(element["options"], f"{pointer}/options", MAX_OVERFLOW_OPTIONS)

    def static_select(self, element: dict[str, Any], pointer: str) -> None:
        self.keys(
            element, pointer, "", "action_id placeholder options option_groups initial_option confirm focus_on_load"
        )
        if element.get("options") is not None:
            self.options(element["options"], f"{pointer}/options", MAX_OPTIONS)
        elif self.is_list(element.get("option_groups"), f"{pointer}/option_groups", most=MAX_OPTIONS, least=1):
            for index, group in enumerate(element["option_groups"]):
                place = f"{pointer}/option_groups/{index}"
                if self.is_object(group, place) and self.keys(group, place, "label options"):
                    self.plain(group["label"], f"{place}/label", MAX_OPTION_CHARS)
                    self.options(group["options"], f"{place}/options", MAX_OPTIONS)
        self.placeholder(element, pointer)

    def datepicker(self, element: dict[str, Any], pointer: str) -> None:
        self.keys(element, pointer, "", "action_id placeholder initial_date confirm focus_on_load")
        self.placeholder(element, pointer)
        initial = element.get("initial_date")
        if initial is not None and not (isinstance(initial, str) and _DATE.fullmatch(initial)):
            self.error("must be a date in the format YYYY-MM-DD", f"{pointer}/initial_date")

    def placeholder(self, element: dict[str, Any], pointer: str) -> None:
        if element.get("placeholder") is not None:
            self.plain(element["placeholder"], f"{pointer}/placeholder", MAX_PLACEHOLDER_CHARS)

    def options(self, options: object, pointer: str, most: int) -> None:
        if not self.is_list(options, pointer, most=most, least=1):
            return
        assert isinstance(options, list)
        for index, option in enumerate(options):
            place = f"{pointer}/{index}"
            if self.is_object(option, place) and self.keys(option, place, "text value", "description url"):
                self.text(option["text"], f"{place}/text", MAX_OPTION_CHARS)
                self.string(option["value"], f"{place}/value", MAX_OPTION_VALUE_CHARS)

    def confirm(self, confirm: object, pointer: str) -> None:
        if not self.is_object(confirm, pointer):
            return
        assert isinstance(confirm, dict)
        if self.keys(confirm, pointer, "title text confirm deny", "style"):
            self.plain(confirm["title"], f"{pointer}/title", MAX_CONFIRM_TITLE_CHARS)
            self.text(confirm["text"], f"{pointer}/text", MAX_CONFIRM_TEXT_CHARS)
            self.plain(confirm["confirm"], f"{pointer}/confirm", MAX_CONFIRM_BUTTON_CHARS)
            self.plain(confirm["deny"], f"{pointer}/deny", MAX_CONFIRM_BUTTON_CHARS)

    def rich_text(self, block: dict[str, Any], pointer: str) -> None:
        if self.keys(block, pointer, "elements", "block_id") and self.is_list(
            block["elements"], f"{pointer}/elements", least=1
        ):
            for index, item in enumerate(block["elements"]):
                self.rich_part(item, f"{pointer}/elements/{index}")

    def rich_part(self, part: object, pointer: str) -> None:
        if not self.is_object(part, pointer):
            return
        assert isinstance(part, dict)
        kind = part.get("type")
        if kind not in _RICH_PARTS:
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
            return
        if not self.keys(
            part, pointer, "style elements" if kind == "rich_text_list" else "elements", _RICH_PARTS[kind]
        ):
            return
        if self.is_list(part["elements"], f"{pointer}/elements"):
            for index, item in enumerate(part["elements"]):
                place = f"{pointer}/elements/{index}"
                if kind == "rich_text_list":
                    self.rich_part(item, place)
                else:
                    self.rich_leaf(item, place)

    def rich_leaf(self, leaf: object, pointer: str) -> None:
        if not self.is_object(leaf, pointer):
            return
        assert isinstance(leaf, dict)
        kind = leaf.get("type")
        if kind not in _RICH_LEAVES:
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
            return
        required, optional = _RICH_LEAVES[kind]
        if self.keys(leaf, pointer, required, optional) and kind == "text":
            self.string(leaf["text"], f"{pointer}/text", MAX_TOTAL_CHARS)


ElementCheck = Callable[[_Check, dict[str, Any], str], None]

_BLOCKS: dict[str, ElementCheck] = {
    "section": _Check.section,
    "header": _Check.header,
    "divider": _Check.divider,
    "markdown": _Check.markdown,
    "context": _Check.context,
    "actions": _Check.actions,
    "image": _Check.image,
    "rich_text": _Check.rich_text,
}
_INTERACTIVE: dict[str, ElementCheck] = {
    "button": _Check.button,
    "overflow": _Check.overflow,
    "static_select": _Check.static_select,
    "datepicker": _Check.datepicker,
}
_ACCESSORIES: dict[str, ElementCheck] = {**_INTERACTIVE, "image": _Check.image_element}
# Each part with its optional keys.
_RICH_PARTS = {
    "rich_text_section": "",
    "rich_text_list": "indent offset border",
    "rich_text_preformatted": "border language",
    "rich_text_quote": "border",
}
# Each leaf with its required and its optional keys.
_RICH_LEAVES = {
    "text": ("text", "style"),
    "link": ("url", "text unsafe style"),
    "emoji": ("name", "unicode skin_tone style"),
    "user": ("user_id", "style"),
    "usergroup": ("usergroup_id", "style"),
    "channel": ("channel_id", "style"),
    "broadcast": ("range", "style"),
    "date": ("timestamp format", "url fallback style"),
    "color": ("value", "style"),
}
