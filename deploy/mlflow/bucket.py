"""Makes a bucket where there is none: `python bucket.py NAME`, by boto3's own variables.

The store is the one that MLFLOW_S3_ENDPOINT_URL names, as MLflow reads it.
"""

import os
import sys

import boto3  # type: ignore[import-untyped]


def main() -> None:
    """A second run changes nothing."""
    (name,) = sys.argv[1:]
    store = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))
    if name not in {each["Name"] for each in store.list_buckets()["Buckets"]}:
        store.create_bucket(Bucket=name)
        print(f"made the bucket {name}")


if __name__ == "__main__":
    main()
