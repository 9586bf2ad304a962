"""Calendars: iCalendar objects to events (RFC 5545), zones and recurrence."""
