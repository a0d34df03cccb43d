"""One typed object out of `ros-sync.toml` and `.env` of a workspace, and `ROS_SYNC_*` variables.

This is the only package that reads the environment.
"""

from ros_sync.settings.loading import find_workspace, load, secrets_in_toml
from ros_sync.settings.origins import ENV_DELIMITER, ENV_FILE_NAME, ENV_PREFIX, FILE_NAME, WORKSPACE_VARIABLE
from ros_sync.settings.sections import (
    DatabaseSettings,
    HealthSettings,
    HubSpotSettings,
    LogSettings,
    PathSettings,
    ScheduleSettings,
    Settings,
    SlackSettings,
    SyncSettings,
    WebSettings,
    settings_keys,
)

__all__ = [
    "ENV_DELIMITER",
    "ENV_FILE_NAME",
    "ENV_PREFIX",
    "FILE_NAME",
    "WORKSPACE_VARIABLE",
    "DatabaseSettings",
    "HealthSettings",
    "HubSpotSettings",
    "LogSettings",
    "PathSettings",
    "ScheduleSettings",
    "Settings",
    "SlackSettings",
    "SyncSettings",
    "WebSettings",
    "find_workspace",
    "load",
    "secrets_in_toml",
    "settings_keys",
]
