package wire_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

func base64Reader(text string) io.Reader {
	s := wire.NewScanner(strings.NewReader("<a>"+text+"</a>"), nil)
	s.Root()
	return s.Base64Reader()
}

// TestBase64EveryByteEverywhere: at every place that vector code looks at together, every byte is taken, or refused, as the standard
// library does it.
func TestBase64EveryByteEverywhere(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for at := range alphabet {
		text := []byte(alphabet + alphabet + alphabet)
		for c := range 256 {
			if c == '<' || c == '&' { // markup
				continue
			}
			text[at] = byte(c)
			plain := string(text)
			if c == ' ' || c == '\t' { // the standard library ignores line ends only
				plain = strings.ReplaceAll(plain, string(rune(c)), "\n")
			}
			want, wantErr := base64.StdEncoding.DecodeString(plain)
			got, err := io.ReadAll(base64Reader(string(text)))
			if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%#x at %d: %x %v, standard library %x %v", c, at, got, err, want, wantErr)
			}
		}
	}
}

// TestBase64WithinBounds: whatever the size of the caller's buffer, nothing behind it is touched, and nothing is lost.
func TestBase64WithinBounds(t *testing.T) {
	data := make([]byte, 500)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, n := range []int{0, 1, 47, 48, 49, 95, 96, 97, 191, 192, 193, 498, 499, 500} {
		enc := base64.StdEncoding.EncodeToString(data[:n])
		for size := 1; size <= 300; size++ {
			got := readWithin(t, base64Reader(enc), n, size)
			if !bytes.Equal(got, data[:n]) {
				t.Fatalf("%d bytes into a buffer of %d: got %d", n, size, len(got))
			}
		}
	}
}

// readWithin reads what n bytes became into buffers of that size, and looks behind each of them.
func readWithin(t *testing.T, r io.Reader, n, size int) (got []byte) {
	t.Helper()
	for {
		buf := bytes.Repeat([]byte{0xA5}, size+64)
		m, err := r.Read(buf[:size])
		if i := len(bytes.TrimRight(buf[size:], "\xA5")); i > 0 {
			t.Fatalf("%d bytes into a buffer of %d: the %dth byte behind it was written", n, size, i)
		}
		got = append(got, buf[:m]...)
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatalf("%d bytes into a buffer of %d: %v", n, size, err)
		}
	}
}

// TestBase64ContentWithinBounds: the same of contents on their way out.
func TestBase64ContentWithinBounds(t *testing.T) {
	data := make([]byte, 500)
	for i := range data {
		data[i] = byte(i * 11)
	}
	for _, n := range []int{0, 1, 2, 3, 27, 28, 29, 47, 48, 49, 100, 498, 499, 500} {
		want := "<a>" + base64.StdEncoding.EncodeToString(data[:n]) + "</a>"
		var w wire.Writer
		w.Start("a")
		w.Base64(int64(n), func() (io.ReadCloser, error) { return io.NopCloser(iotest.HalfReader(bytes.NewReader(data[:n]))), nil })
		w.End()
		for size := 1; size <= 300; size++ {
			got := readWithin(t, w.NewReader(), n, size)
			if string(got) != want {
				t.Fatalf("%d bytes into a buffer of %d: got %q", n, size, got)
			}
		}
	}
}
