"""What Gmail and Google Calendar share: consent, access tokens, calls, errors."""
