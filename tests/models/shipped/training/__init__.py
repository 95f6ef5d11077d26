"""the model's own training"""
