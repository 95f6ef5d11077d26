"""A host: the child that loads one version and predicts. It needs the model's libraries alone."""
