"""the model's own service"""
