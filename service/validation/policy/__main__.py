"""Prints the JSON schema of `validation.yaml`: `python -m service.validation.policy`."""

import json
import sys

from service.validation.policy.validation_policy import ValidationPolicy

if __name__ == "__main__":
    json.dump(ValidationPolicy.model_json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
