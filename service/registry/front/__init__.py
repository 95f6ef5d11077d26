"""The registry as the front sees it: questions with deadlines, and what is remembered."""
