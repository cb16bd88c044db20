"""Real S3 servers: versitygw, which does everything right, and S3Mock, whose conditional PUT is not atomic."""

import http.client
import itertools

import pyarrow.fs

from tests.support.parts import PartProcess, part

_buckets = itertools.count(1)


class ObjectStoreServer(PartProcess):
    """What tests need of any S3 server. Plain HTTP, path style, one pair of keys."""

    access_key = "varvetestkey"  # DynamoDB Local takes letters and digits only, and servers use one pair for both
    secret_key = "varve-test-secret"
    region = "us-east-1"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def variables(self):
        """The standard environment variables that point an S3 client at this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }

    def delta_options(self):
        """storage_options of deltalake and polars for s3:// tables here."""
        return {**self.variables(), "AWS_S3_ALLOW_UNSAFE_RENAME": "false", "AWS_CONDITIONAL_PUT": "etag"}

    def files(self):
        """A pyarrow file system of this store, to look at objects ("bucket/name") and to change them."""
        return pyarrow.fs.S3FileSystem(
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            scheme="http",
            endpoint_override=f"127.0.0.1:{self.port}",
            allow_bucket_creation=True,
        )

    def new_bucket(self, prefix="lake"):
        """Makes an empty bucket with a name that no other test uses, and returns the name."""
        name = f"{prefix}-{next(_buckets)}"
        self.files().create_dir(name)
        return name

    def names(self, bucket, prefix=""):
        """The names of all objects of the bucket below a folder, without the bucket's, sorted."""
        selector = pyarrow.fs.FileSelector(f"{bucket}/{prefix}".rstrip("/"), recursive=True, allow_not_found=True)
        found = self.files().get_file_info(selector)
        return sorted(info.path[len(bucket) + 1 :] for info in found if info.is_file)

    def ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            return True
        except OSError:
            return False


class VersityGw(ObjectStoreServer):
    """versitygw on a folder of its own. Objects outlive kill() and start()."""

    name = "versitygw"

    def command(self):
        objects = self.folder / "objects"
        objects.mkdir(exist_ok=True)
        address = f"127.0.0.1:{self.port}"
        return [part("bin", "versitygw"), "--quiet", "--region", self.region, "--port", address, "posix", objects]

    def environment(self):
        return {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}


class S3Mock(ObjectStoreServer):
    """Adobe's S3Mock: takes any key, and lets two writers of one conditional PUT both win."""

    name = "s3mock"

    def command(self):
        return [
            "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-jar",
            part("s3mock", "lib", "s3mock-5.2.0-exec.jar"), "--server.port=0", "--server.address=127.0.0.1",
        ]

    def environment(self):
        return {
            "COM_ADOBE_TESTING_S3MOCK_HTTPPORT": str(self.port),
            "COM_ADOBE_TESTING_S3MOCK_STORE_ROOT": str(self.folder / "objects"),
            "COM_ADOBE_TESTING_S3MOCK_STORE_REGION": self.region,
        }
