"""Amazon's own DynamoDB Local, in memory, and the few calls that tests make themselves."""

import json
import urllib.error
import urllib.request

from tests.support.parts import PartProcess, part


class DynamoDbLocal(PartProcess):
    """One server; kill() loses its tables. It has no option for the address and listens on all of them."""

    name = "dynamodb"
    access_key = "varvetestkey"
    secret_key = "varve-test-secret"
    region = "us-east-1"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        library = part("dynamodb", "lib")
        return [
            "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", f"-Djava.library.path={library}",
            "-cp", f"{library}/*", "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
            "-inMemory", "-sharedDb", "-disableTelemetry", "-port", self.port,
        ]

    def ready(self):
        try:
            self.call("ListTables", {})
            return True
        except OSError:
            return False

    def call(self, operation, request):
        """One call of DynamoDB's JSON protocol; the server checks neither signature nor key."""
        credential = f"{self.access_key}/20250101/{self.region}/dynamodb/aws4_request"
        post = urllib.request.Request(
            self.endpoint,
            data=json.dumps(request).encode(),
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"DynamoDB_20120810.{operation}",
                "X-Amz-Date": "20250101T000000Z",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            },
        )
        try:
            with urllib.request.urlopen(post, timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            raise DynamoDbError(operation, refused.read().decode(errors="replace")) from None

    def create_table(self, name, partition_key, sort_key=None):
        """A table whose keys are strings: ("key") for Varve's own layout, ("tablePath", "fileName") for Delta's."""
        keys = [key for key in (partition_key, sort_key) if key]
        kinds = ["HASH", "RANGE"]
        self.call("CreateTable", {
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds)],
            "BillingMode": "PAY_PER_REQUEST",
        })

    def items(self, table):
        """Every item of a table, with plain strings and numbers for DynamoDB's typed values."""
        found, start = [], {}
        while True:
            page = self.call("Scan", {"TableName": table, "ConsistentRead": True, **start})
            found += [{name: next(iter(value.values())) for name, value in item.items()} for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


class DynamoDbError(Exception):
    """A request that DynamoDB refused; the text holds its answer."""

    def __init__(self, operation, answer):
        super().__init__(f"{operation}: {answer}")
