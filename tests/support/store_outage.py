"""Takes a running server's store away, and gives it back: a local folder, or a bucket."""

import pathlib


class StoreOutage:
    """A block in which every call to the store fails."""

    def begin(self):
        raise NotImplementedError

    def end(self):
        raise NotImplementedError

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, kind, value, trace):
        self.end()


class FolderOutage(StoreOutage):
    """A file stands where the lake's folder was."""

    def __init__(self, data_dir):
        self.folder = pathlib.Path(data_dir) / "lake"
        self._away = self.folder.with_name("lake.away")

    def begin(self):
        self.folder.rename(self._away)
        self.folder.write_text("the store is down (test)")

    def end(self):
        self.folder.unlink()
        self._away.rename(self.folder)


class BucketOutage(StoreOutage):
    """Nobody listens where the S3 server was; what it had stored comes back with it."""

    def __init__(self, store):
        self.store = store

    def begin(self):
        self.store.kill()

    def end(self):
        self.store.start()
