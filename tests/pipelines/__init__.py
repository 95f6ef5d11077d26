"""The pipelines that the documents show: read, and run as GitLab runs them."""
