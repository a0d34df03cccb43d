"""auth.test and the users methods."""

from __future__ import annotations

from ros_sync import clock
from ros_sync.sandbox.slack.methods.call import Answer, Call, SlackError
from ros_sync.sandbox.slack.workspace import User

MAX_PAGE = 1000  # users.list reference, argument limit


def auth_test(call: Call) -> Answer:
    """Who the token belongs to."""
    return {
        "url": "https://sandbox.slack.test/",
        "team": call.workspace.name,
        "user": call.workspace.users[call.app.user_id].name,
        "team_id": call.workspace.team_id,
        "user_id": call.app.user_id,
        "bot_id": call.app.bot_id,
        "is_enterprise_install": False,
    }


def list_(call: Call) -> Answer:
    """All users, deactivated ones and bots included, by pages."""
    users = list(call.workspace.users.values())
    members, following = call.page(users, call.limit(len(users), MAX_PAGE))
    return {
        "members": [_shown(call, user) for user in members],
        "cache_ts": int(call.workspace.now().timestamp()),
        "response_metadata": {"next_cursor": following},
    }


def info(call: Call) -> Answer:
    """One user by id."""
    return {"user": _shown(call, call.user(call.required("user")))}


def lookup_by_email(call: Call) -> Answer:
    """One user by e-mail address; a deactivated one is not found."""
    user = call.workspace.user_by_email(call.required("email"))
    if user is None or user.deleted:
        raise SlackError("users_not_found")
    return {"user": _shown(call, user)}


def _shown(call: Call, user: User) -> Answer:
    handle = user.email.split("@", 1)[0] or user.name.lower().replace(" ", "_")
    profile: Answer = {"real_name": user.name, "display_name": user.name, "team": call.workspace.team_id}
    if user.email and "users:read.email" in call.app.scopes:
        profile["email"] = user.email
    out: Answer = {
        "id": user.id,
        "team_id": call.workspace.team_id,
        "name": handle,
        "deleted": user.deleted,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 0,
    }
    if not user.deleted:
        offset = call.workspace.now().astimezone(clock.zone(user.tz)).utcoffset()
        assert offset is not None
        out |= {"real_name": user.name, "tz": user.tz, "tz_label": user.tz, "tz_offset": int(offset.total_seconds())}
    return out
