"""What the stand-in programs share: HTTP/1.1, WebSocket, TOML writing, checks of
configuration files and failures on command. Standard library only, because the
images hold nothing else. The behaviour of a single program lives in that
program's own file."""
