"""How people enter the admin: guesses are slowed down, and a password alone is not enough."""
