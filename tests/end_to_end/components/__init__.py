"""MLflow as it is run elsewhere: with accounts, on PostgreSQL, with artifacts in S3."""
