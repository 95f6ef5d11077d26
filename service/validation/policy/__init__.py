"""What a version must be to pass: `validation.yaml`, its schema, and the policy in force."""
