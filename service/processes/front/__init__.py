"""The front's side of its children: started, spoken to, watched and ended."""
