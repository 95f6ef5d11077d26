"""The front's side of the zygote: started, spoken to, and replaced when it dies."""
