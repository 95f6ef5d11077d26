"""Who may do what: keys, the admin token, and the webhook."""
