//! Runs the built program and looks at what it prints and returns.
