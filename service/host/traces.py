"""What becomes of a model's traces: each is handed on as it ends, or they become nothing."""

try:
    from service.host.current_traces import hand_traces_on, let_traces_vanish
except (AttributeError, ImportError):  # by the MLflow that is installed
    from service.host.older_traces import hand_traces_on, let_traces_vanish

__all__ = ["hand_traces_on", "let_traces_vanish"]
