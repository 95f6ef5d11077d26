"""The children's side: their end of the channel, who reaps them, and what they step back for."""
