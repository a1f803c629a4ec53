"""What stands between a Django site and the platform it runs on: see README.md."""

__version__ = "2.2.0"
