"""Following: policy, slots and the follower."""
