"""What people write out of habit, from spreadsheets, CRM filters and other languages, and what to write instead.

Patterns are matched on the condition with the insides of its texts blanked out; `{0}` in advice is the whole match,
`{name}` a named group. A pattern is looked at only where a condition could not be read, so it may match what is right
elsewhere.
"""

from __future__ import annotations

import re

_FIELD = r"(?P<field>[A-Za-z_][\w.]*)"
_NOTHING = r"(?:an?\s+)?(?:empty(?:\s+string)?|null|none(?!\s+of)|nil|nan|blank|unset|undefined|unassigned|nothing)\b"
_FILLED = r"(?:set|filled(?:\s+(?:in|out))?|known|populated|available|given|entered|defined|there|non-?empty)\b"
_IS = r"(?:is\s+)?"
_NOT = r"(?:is\s+not|isn't|isnt|is\s+n't|not|!=|<>)\s*"
_SPAN = r"(?P<span>\$\w+|\d+\s+(?:business\s+)?(?:minute|hour|day|week)s?)\b"
_QUIET = (
    r"(?:no\s+(?:\w+\s+){0,2}?(?:activity|contact|meeting|email|call|touch|response|reply)"
    r"|not\s+(?:been\s+)?(?:contacted|touched|called|emailed))"
)
_NO_JOINT = r"(?!(?:and|or|is|in|for|since|within|during|than|older|newer)\b)"
_DAY = r"(?=\s+(?:\d{4}-|today|now|\$))"
_TEXT = r"""(?:"[^"]*"|'[^']*')"""
_ITEM = rf"(?:{_TEXT}|\d[\w.]*)"
_ITEMS = rf"(?P<items>{_ITEM}(?:(?:\s*,\s*(?:or\s+|and\s+)?|\s+or\s+|\s+and\s+|\s+nor\s+){_ITEM})*)"
_NO_PATTERNS = "there are no patterns or regular expressions; use `contains`, `starts with` or `is one of`"
_NO_PERIODS = (
    "there are no calendar periods; use dates, as in `close_date >= 2026-01-01 and close_date < 2026-04-01`, "
    "or write `within next 30 days`"
)

# Bounds that are meant to be reached: "3 or more", "at least 3", "no later than".
_ISNT = r"(?:is\s+not|is\s+no|isn't|isnt|no|not)"
_COUNT = r"(?P<count>\$\w+|\d[\d.]*[km]?(?:\s+[a-z]{3}(?<!\sand))?)"
_BEFORE_COUNT = r"(?:(?:is|of|from)\s+|[<>]?=\s*|[<>]\s*)?"
_MORE = r"(?:more|greater|higher|larger|bigger|above|over|up|upwards?|beyond)\b"
_LESS = r"(?:less|fewer|lower|smaller|below|under|down|downwards?)\b"
_LEAST = (
    rf"(?:{_IS}at\s+least|{_IS}(?:a\s+)?min(?:imum)?(?:\s+of)?|{_ISNT}\s+(?:less|fewer|lower|smaller)\s+than"
    rf"|{_ISNT}\s+(?:below|under))\b"
)
_MOST = (
    rf"(?:{_IS}at\s+most|{_IS}(?:a\s+)?max(?:imum)?(?:\s+of)?|{_ISNT}\s+(?:more|greater|higher|larger"
    rf"|bigger)\s+than|{_ISNT}\s+(?:above|over)|{_IS}up\s+to)\b"
)
_WRITTEN_SPAN = _SPAN.replace(r"\$\w+|", "")
_BEFORE_SPAN = rf"{_IS}(?:(?:older|newer)\s+than\s+|[<>]=?\s*)?"
_AGO = r"(?:\s+(?:ago|old))?"
_BOUND_DAY = r"(?P<day>\d{4}-\d\d-\d\d|today)"

_TABLE: tuple[tuple[str, str], ...] = (
    # Bounds that are reached. They stand first, as their words alone mean something else.
    (rf"{_BEFORE_SPAN}{_WRITTEN_SPAN}\s+(?:or|and)\s+(?:more|older|longer|above|over|greater)\b{_AGO}",
     "write `older than {span}`"),
    (rf"{_BEFORE_SPAN}{_WRITTEN_SPAN}\s+(?:or|and)\s+(?:less|newer|younger|shorter|fewer|under)\b{_AGO}",
     "write `newer than {span}`"),
    (rf"{_BEFORE_SPAN}(?P<number>\d+)\s*\+\s*(?P<unit>(?:business\s+)?(?:minute|hour|day|week)s?)\b{_AGO}",
     "write `older than {number} {unit}`"),
    (rf"{_LEAST}\s+{_WRITTEN_SPAN}{_AGO}", "write `older than {span}`"),
    (rf"{_MOST}\s+{_WRITTEN_SPAN}{_AGO}", "write `newer than {span}`"),
    (rf"(?:{_IS}|=\s*|>=?\s*){_BOUND_DAY}\s+(?:or|and)\s+(?:later|after|newer|on)\b", "write `>= {day}`"),
    (rf"(?:{_IS}|=\s*|<=?\s*){_BOUND_DAY}\s+(?:or|and)\s+(?:earlier|before|older)\b", "write `<= {day}`"),
    (rf"{_ISNT}\s+(?:before|earlier\s+than|prior\s+to|sooner\s+than){_DAY}", "write `>=`"),
    (rf"{_ISNT}\s+(?:after|later\s+than|past){_DAY}", "write `<=`"),
    (rf"{_BEFORE_COUNT}{_COUNT}\s+(?:or|and)\s+{_MORE}", "write `>= {count}`"),
    (rf"{_BEFORE_COUNT}{_COUNT}\s+(?:or|and)\s+{_LESS}", "write `<= {count}`"),
    (rf"(?P<sign>[<>])\s*{_COUNT}\s+or\s+(?:equals?|the\s+same)\b", "write `{sign}= {count}`"),
    (rf"{_BEFORE_COUNT}{_COUNT}\s*\+(?!\s*[\w$(])", "write `>= {count}`"),
    (rf"(?:is\s+)?from\s+{_COUNT}(?!\s+to\b)(?:\s+(?:up|on|upwards?|onwards?))?(?=\s*$|\s+(?:and|or)\b)",
     "write `>= {count}`"),
    (rf"(?:{_IS}|=\s*)equals?(?:\s+to)?\s+or\s+{_MORE}(?:\s+than)?", "write `>=`"),
    (rf"(?:{_IS}|=\s*)equals?(?:\s+to)?\s+or\s+{_LESS}(?:\s+than)?", "write `<=`"),
    (rf"{_LEAST}", "write `>=`"),
    (rf"{_MOST}(?!{_DAY})", "write `<=`"),
    # A field and its value.
    (rf"{_NOT}{_FILLED}|(?:is\s+)?not\s+present\b", "write `is missing`"),
    (rf"{_NOT}{_NOTHING}", "write `is present`"),
    (rf"(?:is\s+|(?:===?|=|equals)\s*){_NOTHING}|{_NOTHING}", "write `is missing`"),
    (rf"(?:does\s+not|doesn't)\s+exist\b|{_IS}non-?existent\b|has\s+no\s+value\b", "write `is missing`"),
    (rf"exists?\b|has\s+(?:an?|any)\s+value\b|{_IS}{_FILLED}", "write `is present`"),
    (rf"{_QUIET}\s+(?:for|in|within|during|since)\s+(?:at\s+least\s+)?(?:the\s+)?(?:last\s+|past\s+)?{_SPAN}",
     "write `last_activity older than {span}`"),
    (r"no\s+(?:\w+\s+){0,2}?(?:activity|contact|meeting|email|call|touch|response|reply)\b",
     "write `last_activity older than 14 days`"),
    (rf"(?:has\s+no|without|no)\s+(?P<first>[a-z]+)\s+(?P<second>{_NO_JOINT}[a-z]+)\b",
     "write `{first}_{second} is missing`"),
    (rf"(?:has\s+no|has\s+not|without|no)\s+{_FIELD}", "write `{field} is missing`"),
    (rf"(?:has|with)\s+(?:an?\s+)?{_FIELD}", "write `{field} is present`"),
    (r"(?:me|myself|my)\b", "a rule checks the record, whoever is notified; recipients are listed under `notify:`"),
    # Ages and days.
    (rf"days?[_ ]since[_ ](?:the\s+)?{_FIELD}", "write `{field} older than 30 days`, with your number of days"),
    (r"(?:days?|time)[_ ]?in[_ ](?:the[_ ])?(?:current[_ ])?stage\b",
     "write `stage_entered older than 30 days`, with your number of days"),
    (r"(?:(?:deal[_ ]?)?age|days[_ ]?open|open[_ ]?days|age[_ ]?in[_ ]?days)\b(?!\s*\()",
     "write `created older than 90 days`, with your number of days"),
    (r"(?:has\s+|was\s+|is\s+)?(?:changed|moved|modified|updated)\b",
     "a rule checks the current state, not changes; use `push_count` or `stage_entered`"),
    (rf"{_IS}(?:in|within|during|over)?\s*(?:the\s+)?(?:last|past|previous)\s+{_SPAN}", "write `newer than {span}`"),
    (
        (rf"{_IS}(?:due\s+)?(?:in|within|during)\s+(?:the\s+)?(?:next\s+|coming\s+|following\s+)?{_SPAN}"
         rf"|(?:the\s+)?next\s+{_SPAN.replace('span', 'next_span')}"),
        "write `within next {span}{next_span}`",
    ),
    (rf"{_IS}(?:more|greater|longer|over)(?:\s+than)?\s+{_SPAN}(?:\s+(?:ago|old))?", "write `older than {span}`"),
    (rf"{_IS}(?:less|fewer|under)(?:\s+than)?\s+{_SPAN}(?:\s+(?:ago|old))?", "write `newer than {span}`"),
    (
        (rf"(?:before|after|since|for|from|[<>]=?)?\s*{_SPAN}\s+(?:ago|old|back)\b|(?:since"
         rf"|for)\s+{_SPAN.replace('span', 'since_span')}"),
        "write `older than {span}{since_span}` or `newer than {span}{since_span}`",
    ),
    (rf"{_IS}(?:older|elder)\s+(?:then|that|as|den|of)?(?!\s*than)", "write `older than`"),
    (rf"{_IS}(?:newer|younger|fresher|more\s+recent)\s+(?:then|that|as|than)?", "write `newer than`"),
    (rf"{_IS}(?:not\s+)?(?:overdue|past\s+due|in\s+the\s+past|late|expired|passed)\b(?!\s+than)", "write `is past`"),
    (rf"{_IS}(?:in\s+the\s+future|upcoming)\b", "write `after today`"),
    (r"yesterday\b", "write `today - 1 day`"),
    (r"tomorrow\b", "write `today + 1 day`"),
    (
        (rf"{_IS}(?:in\s+)?(?:the\s+)?(?:this|last|next|current|previous)\s+(?:business\s+|fiscal\s+)?(?:day|week"
         rf"|month|quarter|year)\b"
        rf"|{_IS}(?:in\s+)?(?:[ymq]td\b|q[1-4]\b(?:\s+\d{{4}})?)"),
        _NO_PERIODS,
    ),
    (rf"{_IS}(?:on\s+or\s+after|from|since|starting){_DAY}", "write `>=`"),
    (rf"{_IS}(?:on\s+or\s+before|until|till|by|up\s+to){_DAY}", "write `<=`"),
    (rf"{_IS}(?:earlier\s+than|prior\s+to|sooner\s+than|befor)\b", "write `before`"),
    (rf"{_IS}(?:later\s+than|past{_DAY}|afer)\b", "write `after`"),
    (rf"{_IS}on{_DAY}", "write `is`"),
    (r"end\s+of\s+(?:the\s+)?(?:this\s+|next\s+)?(?:week|month|quarter|year)\b|eo[mqy]\b", _NO_PERIODS),
    # Sizes.
    (rf"{_FIELD}\s+{_IS}(?:from\s+)?(?P<low>\d[\d.]*[km]?)\s+to\s+(?P<high>\d[\d.]*[km]?)",
     "write `{field} >= {low} and {field} <= {high}`"),
    (r"(?:two|three|four|five|six|seven|eight|nine|ten|twelve|a\s+dozen)\b", "write numbers in digits, such as `3`"),
    (rf"{_FIELD}\s+{_IS}(?:not\s+)?between\s+(?P<low>[^\s]+)\s+(?:and|-|to)\s+(?P<high>[^\s)]+)",
     "write `{field} >= {low} and {field} <= {high}`"),
    (r"(?:is\s+)?(?:not\s+)?between\b", "write `push_count >= 1 and push_count <= 5`"),
    (
        (rf"{_IS}(?:greater|more|bigger|larger|higher|above)\s+(?:than\s+)?or\s+equals?(?:\s+(?:to|than))?"
        r"|=>|≥|\bgte\b|\bge\b"),
        "write `>=`",
    ),
    (
        (rf"{_IS}(?:less|smaller|lower|fewer|below)\s+(?:than\s+)?or\s+equals?(?:\s+(?:to|than))?"
        r"|=<|≤|\blte\b|\ble\b"),
        "write `<=`",
    ),
    ((rf"(?:{_IS}not|does\s+not|doesn't|isn't)\s+equals?(?:\s+to)?|≠|!==|=!=|=!|=/=|<>|\bneq?\b"
      rf"|{_IS}different\s+(?:from|than|to)\b|isn't\b|isnt\b"),
     "write `is not` or `!=`"),
    (rf"{_IS}(?:exactly\s+)?equals?(?:\s+to)?\b|={{2,3}}|\beq\b|{_IS}(?:the\s+)?same\s+as\b|{_IS}exactly\b",
     "write `is` or `=`"),
    (rf"{_IS}(?:greater|more|bigger|larger|higher)\s*(?:than|then)?\b|{_IS}(?:above|over)\b|exceeds?\b|\bgt\b",
     "write `>`"),
    (rf"{_IS}(?:less|smaller|lower|fewer)\s*(?:than|then)?\b|{_IS}(?:below|under)\b|\blt\b", "write `<`"),
    (rf"{_FIELD}\s*(?P<first>[<>]=?)\s*(?P<low>[^\s]+)\s+(?P<word>and|or)\s+(?P<second>[<>]=?)",
     "name the field again: `{field} {first} {low} {word} {field} {second} …`"),
    (r"(?P<word>and|or)\s+(?:is|contains|starts|older|newer|before|after|within|[<>=!]+)(?=[\s\"'\d])",
     "name the field again after `{word}`"),
    # Several values.
    (r"contains?\s+(?:any|one|all|either|none)(?:\s+of)?\b", 'write `name contains "a" or name contains "b"`'),
    ((rf"(?:is\s+)?(?:is\s+not|not|isn't)\s+(?:in|one\s+of|any\s+of|either)\s*[\[({{]?\s*{_ITEMS}|{_IS}(?:none\s+of"
      rf"|neither)\s*[\[({{]?\s*{_ITEMS.replace('items', 'none_items')}"),
     "write `is not one of [{items}{none_items}]`"),
    ((rf"(?:is\s+)?one\s+of\s*[\[({{]?\s*{_ITEMS}|{_IS}(?:in|any\s+of|either|among"
      rf"|equals\s+any\s+of)\s*[\[({{]?\s*{_ITEMS.replace('items', 'in_items')}"),
     "write `is one of [{items}{in_items}]`"),
    (rf"(?:is|=)\s+{_ITEMS.removesuffix('*)') + '+)'}", "write `is one of [{items}]`"),
    (r"(?:is\s+)?(?:not\s+)?in\b(?=\s*\[?)", 'write `is one of ["a", "b"]`'),
    (r"is\s+(?:not\s+)?one\s+(?:of\s*)?(?:\[\s*\])?", 'write `is one of ["a", "b"]`'),
    # Texts.
    (rf"{_FIELD}\s+(?:does\s+not|doesn't|not|doesnt|is\s+not)\s+(?:contains?|containing|include|includes)\b",
     "write `not {field} contains …`"),
    (rf"{_FIELD}\s+(?:does\s+not|doesn't|not|doesnt|is\s+not)\s+(?:starts?|begins?)\b(?:\s+with)?",
     "write `not {field} starts with …`"),
    (rf"(?:{_IS}(?:containing|including)|contain|includes?|has)\b", "write `contains`"),
    (r"(?:begins?|start)(?:\s+with)?\b|starts?-?with\b|starts\b(?!\s+with)", "write `starts with`"),
    (r"ends?\s*-?with\b", "there is no `ends with`; use `contains`"),
    (rf"(?:{_IS}(?:not\s+)?(?:i?like|matching)|matche?s?|match|regexp?|glob)\b|=~|!~|~", _NO_PATTERNS),
    # Words between conditions.
    (r"&&?", "write `and`"),
    (r"\|\|?", "write `or`"),
    (r"and\s*/\s*or\b", "write `or`: it also holds where both do"),
    (r"(?:unless|except(?:\s+(?:if|when))?|but\s+not|and\s+no)\b", "write `and not`"),
    (r"(?:but|plus|also)\b", "write `and`"),
    (r"\b(?:xor|nor)\b", "there is `and`, `or` and `not`"),
    (r"(?:if|when|where|then|else|case)\b",
     "write only the condition; other values for some records go under `vary:`"),
    (r"(?:for|while)\s+\w+(?:\s+in\s+\w+)?", "there are no loops; each line checks one record"),
    (r"!(?!=)", "write `not`, or `!=`"),
    # Calls.
    (r"today\s*\(\s*\)?|current_?date(?:\(\s*\))?", "write `today` without brackets"),
    (r"now\s*\(\s*\)?", "write `now` without brackets"),
    (rf"is_?(?:blank|null|empty|missing)\s*\(\s*{_FIELD}\s*\)?", "write `{field} is missing`"),
    (rf"(?:days?_?since|age|days?_?ago|datediff)\s*\(\s*{_FIELD}", "write `{field} older than 14 days`"),
    (rf"contains\s*\(\s*{_FIELD}\s*,\s*(?P<items>{_TEXT})", "write `{field} contains {items}`"),
    (rf"(?:lower|upper|trim)\s*\(\s*{_FIELD}",
     'texts are compared exactly; write `{field} is one of ["…", "…"]` with each spelling'),
    # Parameters, comments, signs.
    (r"(?P<param>\$\w+)\s+(?:business\s+)?(?:minute|hour|day|week|month)s?\b",
     "the unit goes with the value under `params:`, as in `quiet: 14 days`; write just `{param}`"),
    (r"\$?\{[^}]*\}?", "a parameter is written like `$quiet`, and a field without any sign"),
    (r"%", "there is no remainder; a share is written as a number, such as 0.15"),
    (r"//|--|/\*", "a comment begins with a # after a space"),
    (r"\*\*|\^", "there are no powers; multiply: `push_count * push_count`"),
    (r"[×·]", "write `*`"),  # noqa: RUF001  # what word processors make of it
    (r"[−–—]", "write a plain minus, -"),  # noqa: RUF001  # what word processors make of it
    (r"/|÷", "there is no division; multiply the other side instead, so that nothing is ever divided by zero"),
    (r":=?", "there is no assignment; give values under `params:`"),
    (r";", "one condition per line; write others on separate lines"),
    (r"[“”„‟«»]", 'write straight quotes: "'),
    (r"[‘’‚‛´`]", 'write straight quotes: "'),  # noqa: RUF001  # what word processors make of them
)  # fmt: skip

HABITS = tuple(
    (re.compile(rf"(?<![\w$]){pattern}" if pattern[0].isalpha() else pattern, re.IGNORECASE), advice)
    for pattern, advice in _TABLE
)
