package oracle

import "testing"

func TestNumbersKeepTheirKind(t *testing.T) {
	const text = `{"f":1.0,"i":1,"l":[1e+21,-0.0,18446744073709551615],"s":"1"}`
	value, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if again := string(Encode(value)); again != text {
		t.Errorf("%s became %s", text, again)
	}
}

func TestWhatJSONCannotHoldIsMarked(t *testing.T) {
	if text := string(Encode("\xff")); text != `{"$bytes":"/w=="}` {
		t.Error(text)
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	a := respond(func([]byte) (any, error) { panic("boom") }, []byte(`{"id":"x"}`))
	if text := string(a.line()); text != `{"id":"x","error":"panic: boom"}` {
		t.Error(text)
	}
}
