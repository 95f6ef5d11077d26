<<<<<<< HEAD
"""What is decided and counted of a rollout."""
=======
"""Tests of `service.rollout`."""
>>>>>>> 3fa5c46
