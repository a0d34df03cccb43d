"""Every limit of Slack's that ros-sync keeps to, and the numbers chosen to stay well inside them.

Lengths are in characters; see `ros_sync.notifiers.plaintext.length` for how they are counted.
"""

from __future__ import annotations

MAX_BLOCKS = 50  # Block Kit reference, Blocks: "up to 50 blocks in each message"
MAX_HEADER_CHARS = 150  # Block Kit reference, Header block, text
MAX_SECTION_CHARS = 3_000  # Block Kit reference, Section block, text
MAX_BUTTON_CHARS = 75  # Block Kit reference, Button element, text
MAX_BUTTON_VALUE_CHARS = 2_000  # Block Kit reference, Button element, value
MAX_ACTION_ID_CHARS = 255  # Block Kit reference, Button element, action_id
MAX_MESSAGE_CHARS = 13_000  # all text of a message's blocks together, measured by integrators (`msg_blocks_too_long`)
MAX_FALLBACK_CHARS = 4_000  # chat.postMessage reference, "truncating content": best kept under 4,000
MAX_METADATA_BYTES = 1_000  # Web API, message metadata: 8 KB, and kept under 1 KB as it is readable by every app

SECONDS_BETWEEN_POSTS = 1.0  # Web API rate limits, "posting messages": 1 message a second and channel
SECONDS_BETWEEN_EDITS = 1.2  # Web API rate limits: chat.update is tier 3, 50 and more a minute
DEFAULT_RETRY_AFTER_SECONDS = 30.0  # a 429 without Retry-After: a guess between the tiers' windows
HISTORY_PAGE = 200  # conversations.history reference, limit: "no more than 200 results at a time" is recommended
HISTORY_PAGES = 5  # ours: a thousand messages back is further than an unconfirmed post can be

# Ours: what one item may take up, so that a single one always fits and a reader sees many at a glance.
ITEMS_A_MESSAGE = 20  # a longer list is read by nobody
HEADING_CHARS = 150
LEAD_CHARS = 100
REASON_CHARS = 240
DETAIL_CHARS = 240
FACT_LABEL_CHARS = 40
FACT_VALUE_CHARS = 120
REASONS_AN_ITEM = 8
FACTS_AN_ITEM = 6
ACTIONS_AN_ITEM = 5
LINK_CHARS = 500  # a longer link is left out: counted as text it would crowd out what matters
NAMES_IN_A_TICK = 15
INTRO_CHARS = 1_000
FOOTER_CHARS = 500
SUMMARY_CHARS = 300
SPARE_CHARS = 1_000  # left free of MAX_MESSAGE_CHARS, as Slack does not say how it counts
