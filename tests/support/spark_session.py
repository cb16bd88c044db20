"""Spark with Delta Lake in one long-lived process: the independent JVM reader and writer of Delta tables."""

import contextlib
import itertools
import struct
import subprocess

import pyarrow.parquet
from py4j.java_gateway import GatewayParameters, JavaGateway
from py4j.protocol import Py4JJavaError

from tests.support.parts import PartProcess, part

# Packages of the Java library that Spark reaches into by reflection; its own launcher opens the same.
OPENED = [
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
    "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action",
    "sun.util.calendar",
]
SETTINGS = {
    "spark.master": "local[1]",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Instants before 1900 and dates before 1582 as they are, not moved to the old calendar.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # Tables of tests are tiny: one task for each step, and no compiling of queries.
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
}


class SparkError(Exception):
    """A statement that Spark refused; the text begins with Spark's own sentence."""


class SparkSession(PartProcess):
    """SQL in, rows out. Starting takes seconds and the first statement ten, so one serves the whole run."""

    name = "spark"
    stdin = subprocess.PIPE  # The JVM ends when this closes, as it does when the tests die.

    def __init__(self):
        super().__init__()
        self._connection_file = self.folder / "connection"
        self._results = itertools.count()
        self._gateway = None
        self._session = None

    def command(self):
        opened = [word for name in OPENED for word in ("--add-opens", f"java.base/{name}=ALL-UNNAMED")]
        return [
            "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", f"-Djava.io.tmpdir={self.folder}",
            *opened, "-cp", f"{part('spark', 'lib')}/*", "org.apache.spark.api.python.PythonGatewayServer",
        ]

    def environment(self):
        return {"_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._connection_file), "SPARK_LOCAL_IP": "127.0.0.1"}

    def ready(self):
        return self._connection_file.exists()

    def start(self):
        super().start()
        try:
            content = self._connection_file.read_bytes()
            port, length = struct.unpack(">ii", content[:8])
            secret = content[8 : 8 + length].decode()
            parameters = GatewayParameters(port=port, auth_token=secret, auto_convert=True)
            self._gateway = JavaGateway(gateway_parameters=parameters)
            builder = self._gateway.jvm.org.apache.spark.sql.SparkSession.builder()
            builder = builder.config("spark.sql.warehouse.dir", str(self.folder / "warehouse"))
            for key, value in SETTINGS.items():
                builder = builder.config(key, value)
            self._session = builder.getOrCreate()
            self._session.sparkContext().setLogLevel("ERROR")
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self):
        # Nothing of Spark's outlives the process but files in its folder, which goes too.
        self.kill()

    def kill(self):
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = self._session = None
        super().kill()

    def set(self, key, value):
        """SET for all statements that follow, for example spark.databricks.delta.properties.defaults..."""
        self._session.conf().set(key, value)

    def unset(self, key):
        self._session.conf().unset(key)

    def use_store(self, store, bucket):
        """Lets s3a://<bucket>/ mean that bucket of a test's object store."""
        for key, value in {
            "endpoint": store.endpoint,
            "endpoint.region": store.region,
            "access.key": store.access_key,
            "secret.key": store.secret_key,
            "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        }.items():
            self.set(f"fs.s3a.bucket.{bucket}.{key}", value)

    def sql(self, statement):
        """Runs a statement whose rows are of no interest."""
        self._guarded(lambda: self._session.sql(statement))

    def table(self, statement):
        """The rows of a query as an Arrow table, exactly: they come as Parquet, not as text."""
        target = self.folder / f"result-{next(self._results)}"
        self._guarded(lambda: self._session.sql(statement).coalesce(1).write().parquet(str(target)))
        files = sorted(target.glob("*.parquet"))
        assert len(files) == 1, f"{statement}: {files}"
        return pyarrow.parquet.ParquetFile(files[0]).read()

    def rows(self, statement):
        """The rows of a query as dictionaries."""
        return self.table(statement).to_pylist()

    def checkpoint(self, path):
        """Has Spark write its own checkpoint of a table's newest version."""
        log = self._gateway.jvm.org.apache.spark.sql.delta.DeltaLog
        self._guarded(lambda: log.forTable(self._session, path).checkpoint())

    @contextlib.contextmanager
    def setting(self, **settings):
        """Settings for the statements of a block; `_` stands for `.` in their names."""
        names = {key.replace("_", "."): value for key, value in settings.items()}
        for key, value in names.items():
            self.set(key, value)
        try:
            yield
        finally:
            for key in names:
                self._session.conf().set(key, SETTINGS[key]) if key in SETTINGS else self.unset(key)

    def _guarded(self, action):
        try:
            return action()
        except Py4JJavaError as error:
            raise SparkError(error.java_exception.toString()) from None


def delta(path):
    """How a Delta table at a path is named in Spark's SQL."""
    return f"delta.`{path}`"
