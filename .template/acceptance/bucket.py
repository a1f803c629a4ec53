"""A bucket: moto's server, which speaks S3 over TLS."""

import sys
from pathlib import Path

import boto3
from parts import Part, free_port


class Bucket(Part):
    """A bucket with the name `name`, and the config vars that reach it."""

    name = "a-bucket"

    def __init__(self):
        self.port = free_port()
        super().__init__()
        self.url = f"https://127.0.0.1:{self.port}"
        self.config_vars = {
            "BUCKETEER_BUCKET_NAME": self.name,
            "BUCKETEER_AWS_ACCESS_KEY_ID": "key",
            "BUCKETEER_AWS_SECRET_ACCESS_KEY": "secret",
            "BUCKETEER_AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_CA_BUNDLE": str(self.folder / "server.crt"),
        }

    def command(self):
        server = Path(sys.executable).with_name("moto_server")
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        tls = ["--ssl-cert", "server.crt", "--ssl-key", "server.key"]
        return [server, *where, "--ssl", *tls]

    def start(self):
        """Start it and make the bucket."""
        super().start()
        self.s3 = boto3.client(
            "s3",
            endpoint_url=self.url,
            verify=str(self.folder / "server.crt"),
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        self.s3.create_bucket(Bucket=self.name)
        return self

    def files(self):
        """Return the names of the files in it."""
        listed = self.s3.list_objects_v2(Bucket=self.name)
        return [found["Key"] for found in listed.get("Contents", [])]
