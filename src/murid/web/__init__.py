"""Local web pages: an application that only this user's browser can reach, and its server."""
