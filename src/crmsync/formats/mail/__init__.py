"""Mail: octets to messages, and messages to octets (RFC 5322, RFC 2045 and their practice)."""
