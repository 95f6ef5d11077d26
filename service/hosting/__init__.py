"""Processes that hold one version each and predict; pools, batches and supervision of them."""
