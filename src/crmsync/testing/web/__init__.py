"""What loopback web servers share: sockets, requests and answers, failures on demand, signed tokens, time, mail."""
