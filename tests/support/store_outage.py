"""Takes the local lake folder away from a running server, and gives it back."""

import pathlib


class StoreOutage:
    """From `begin` to `end` every call of the server to its store fails: a file stands where the folder was."""

    def __init__(self, data_dir):
        self.folder = pathlib.Path(data_dir) / "lake"
        self._away = self.folder.with_name("lake.away")

    def begin(self):
        self.folder.rename(self._away)
        self.folder.write_text("the store is down (test)")

    def end(self):
        self.folder.unlink()
        self._away.rename(self.folder)

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, kind, value, trace):
        self.end()
