package main

import "context"

const verbSelftestInside = "selftest-inside"

func selftestInside(string) error                  { return nil }
func verbSelftest(context.Context, progress) error { return nil }
