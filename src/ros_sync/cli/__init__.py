"""The console command `ros-sync`: one file for each group of commands, each of them thin."""

from ros_sync.cli.app import app, main

__all__ = ["app", "main"]
