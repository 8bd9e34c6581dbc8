//! A scripted API server, and what the program does when it misbehaves.
