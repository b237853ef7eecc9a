"""Track several mice or rats in video and keep their identities."""
