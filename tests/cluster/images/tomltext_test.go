package main

import (
	"testing"
	"time"
)

// What a program rewrites must mean the same afterwards, for every file that a
// stand-in ships and for values that are hard to write.
func TestRewrittenTOMLHasTheSameValues(t *testing.T) {
	const script = `
import glob, tomllib
from standin import tomltext
texts = [open(name, encoding="utf-8").read() for name in glob.glob("/MaiMBot/template/*.toml")]
assert len(texts) == 2, texts
texts.append(r'''
text = "a\tb\\c \"d\" \u007F \u0000 麦"
"a key" = 1
"" = "empty"
float = [1.0, -0.0, 1e300, inf, -inf]
date = [2026-01-15T00:00:00Z, 2026-01-15]
mixed = [1, "a", [true, {x = 1}]]
none = []
inline = {a = {b = 1}, "c d" = []}
[table]
[table."sub table"]
x = """
two
lines"""
[[list]]
[list.deep]
y = 1
[[list]]
[[list.of_lists]]
z = 2
''')
for text in texts:
    before = tomllib.loads(text)
    written = tomltext.dumps(before)
    assert tomllib.loads(written) == before, written
    assert tomltext.dumps(tomllib.loads(written)) == written, written
print("same")
`
	c := start(t, options{image: core0122, command: []string{"python", "-c", script}})
	if code := c.wait(20 * time.Second); code != 0 || c.output.String() != "same\n" {
		t.Errorf("exit status %d: %s", code, c.output)
	}
}
