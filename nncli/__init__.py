"""nncli: from a CSV file to a trained network, and an honest word on whether it beats boosted trees."""

FORMAT_VERSION = 1
"""Version of the model folder's files; a folder with a higher one is refused."""


def version() -> str:
    """The installed version, as the package's metadata states it."""
    from importlib.metadata import version as installed_version

    return installed_version("nncli-tabular")
