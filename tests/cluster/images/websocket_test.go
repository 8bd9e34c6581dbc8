package main

// A WebSocket client written apart from the stand-ins' own, so that both ends of
// RFC 6455 are not the same mistake.

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

type webSocket struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// handshake asks for a WebSocket and returns the answer's status; ws is nil unless
// it is 101.
func handshake(t *testing.T, address, path string, header http.Header) (ws *webSocket, status int) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(nonce)
	request, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Upgrade", "websocket")
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Sec-WebSocket-Key", key)
	request.Header.Set("Sec-WebSocket-Version", "13")
	if err := request.Write(conn); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, answer.StatusCode
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if got, want := answer.Header.Get("Sec-WebSocket-Accept"), base64.StdEncoding.EncodeToString(sum[:]); got != want {
		t.Fatalf("Sec-WebSocket-Accept is %q, wanted %q", got, want)
	}
	return &webSocket{t: t, conn: conn, in: in}, answer.StatusCode
}

func (w *webSocket) frame(first byte, payload []byte) {
	w.t.Helper()
	out := []byte{first}
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	mask := []byte{0x12, 0x34, 0x56, 0x78}
	out = append(out, mask...)
	for i, b := range payload {
		out = append(out, b^mask[i%4])
	}
	if _, err := w.conn.Write(out); err != nil {
		w.t.Fatal(err)
	}
}

func (w *webSocket) send(text string) { w.t.Helper(); w.frame(0x81, []byte(text)) }

// receive returns the next frame's opcode and payload.
func (w *webSocket) receive() (opcode byte, payload []byte) {
	w.t.Helper()
	opcode, payload, err := w.tryReceive()
	if err != nil {
		w.t.Fatal(err)
	}
	return opcode, payload
}

func (w *webSocket) tryReceive() (byte, []byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("a server must not mask its frames")
	}
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(w.in, b[:]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(w.in, b[:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	payload := make([]byte, size)
	_, err := io.ReadFull(w.in, payload)
	return head[0] & 0x0f, payload, err
}
