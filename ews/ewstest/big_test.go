package ewstest_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// counter is a ResponseWriter that only counts.
type counter struct {
	h http.Header
	n int64
}

func (c *counter) Header() http.Header { return c.h }
func (c *counter) WriteHeader(int)     {}
func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func bigMail(size int) []byte {
	line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("large"), 11)) + "\r\n"
	return []byte("From: a@b.c\r\nSubject: big\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nsee\r\n--B\r\nContent-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		strings.Repeat(line, size/len(line)) + "--B--\r\n")
}

// TestBigMessageIsNotCopied delivers 30 MB and streams its MIME content: neither may cost memory in the order of the message.
func TestBigMessageIsNotCopied(t *testing.T) {
	raw := bigMail(30 << 20)
	s := ewstest.New(nil)
	defer s.Close()
	mb := s.AddMailbox(us)
	_, err := mb.Deliver(nil, nil) // what is set up once does not count
	require.NoError(t, err)
	get := func(id string) int64 {
		r := httptest.NewRequest(http.MethodPost, "/EWS/Exchange.asmx", strings.NewReader(fmt.Sprintf(envelope, "", getItem(idOnly+`<t:IncludeMimeContent>true</t:IncludeMimeContent>`, id))))
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("Authorization", "Bearer x")
		w := &counter{h: http.Header{}}
		s.ServeHTTP(w, r)
		return w.n
	}
	get("x")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	id, err := mb.Deliver(raw, nil)
	require.NoError(t, err)
	n := get(id.ID)
	runtime.ReadMemStats(&after)
	require.Greater(t, n, int64(40<<20))
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20))
}

func BenchmarkDeliver(b *testing.B) {
	s := ewstest.New(nil)
	defer s.Close()
	mb := s.AddMailbox(us)
	raw := []byte("From: a@b.c\r\nTo: support@example.com\r\nSubject: x\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\nMessage-ID: <1@x>\r\n\r\nbody")
	for b.Loop() {
		if _, err := mb.Deliver(raw, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindPage(b *testing.B) {
	s := ewstest.New(nil)
	defer s.Close()
	mb := s.AddMailbox(us)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 200_000 {
		raw := fmt.Appendf(nil, "From: a@b.c\r\nSubject: %d\r\nMessage-ID: <%d@x>\r\n\r\nbody", i, i)
		if _, err := mb.Deliver(raw, &ewstest.DeliverOptions{Received: at.Add(time.Duration(i) * time.Second)}); err != nil {
			b.Fatal(err)
		}
	}
	offset := 0
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/EWS/Exchange.asmx", strings.NewReader(fmt.Sprintf(envelope, "", findItem(subjectField, fmt.Sprintf(`<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="%d" BasePoint="Beginning"/>`, offset), ""))))
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("Authorization", "Bearer x")
		s.ServeHTTP(&counter{h: http.Header{}}, r)
		offset = (offset + 1000) % 200_000
	}
}
