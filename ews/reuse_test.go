package ews_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// The memory of requests is used again. Whatever a server does, closing connections and answering before it has read included, every
// request that it reads to the end is one call's, whole.
func TestRequestMemoryIsNotShared(t *testing.T) {
	var mu sync.Mutex
	served := 0
	whole := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		served++
		n := served
		mu.Unlock()
		if n%5 == 0 { // early
			_, _ = io.WriteString(w, messages(okMessage("<m:Items/>")))
			if n%10 == 0 {
				w.Header().Set("Connection", "close")
			}
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the request: %v", err)
		}
		_, rest, _ := strings.Cut(string(body), "<t:Mark>")
		marks, _, _ := strings.Cut(rest, "</t:Mark>")
		mark, _, _ := strings.Cut(marks, " ")
		if mark == "" || strings.Trim(strings.ReplaceAll(marks, mark, ""), " ") != "" || !strings.HasSuffix(string(body), "</soap:Envelope>") {
			t.Errorf("a request is mixed of several: %.200s", body)
		}
		mu.Lock()
		whole[mark]++
		mu.Unlock()
		_, _ = io.WriteString(w, messages(okMessage("<m:Items/>")))
		if n%7 == 0 {
			w.Header().Set("Connection", "close")
		}
	}))
	defer server.Close()
	c, err := ews.NewClient(ews.Config{Endpoint: server.URL + "/EWS/Exchange.asmx", AllowLoopbackHTTP: true, Token: &tokens{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var calls sync.WaitGroup
	for worker := range 8 {
		calls.Go(func() {
			for i := range 40 {
				mark := fmt.Sprintf("w%dc%d", worker, i)
				err := c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem", Body: func(w *wire.Writer) error {
					w.Leaf("t:Mark", strings.Repeat(mark+" ", 1+i*i*3)) // up to 40 kB
					return nil
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
	if len(whole) < 200 {
		t.Errorf("%d calls arrived", len(whole))
	}
	for mark, n := range whole {
		if n != 1 {
			t.Errorf("%s arrived %d times", mark, n)
		}
	}
}
