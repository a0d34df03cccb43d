"""ros_sync keeps a sales organisation honest without nagging it."""

__version__ = "0.1.0"
