package main

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// watched runs mailfetch -watch until it has said what is waited for, and then ends it as Ctrl-C does.
func watched(t *testing.T, tenant *demo.Tenant, out string, until func(said string) bool) outcome {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var mu sync.Mutex
	var stdout, stderr bytes.Buffer
	done := make(chan int, 1)
	var people sync.WaitGroup
	defer people.Wait()
	said := writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		n, err := stderr.Write(b)
		if _, page, ok := strings.Cut(string(b), "sign in on this page: "); ok {
			people.Go(func() { _ = tenant.Approve(t.Context(), strings.TrimSpace(page)) })
		}
		if until(stderr.String()) {
			stop()
		}
		return n, err
	})
	go func() {
		done <- run(ctx, flags(registrationOf(tenant), "-watch", "-json", "-out", out), func(string) string { return "" }, &stdout, said)
	}()
	began := time.Now()
	<-ctx.Done()
	status := <-done
	if time.Since(began) >= 2*time.Minute {
		t.Errorf("never said what was waited for:\n%s", stderr.String())
	}
	return finished(t, status, &stdout, &stderr)
}

// Ctrl-C in the middle finishes the message under way; the next run goes on; what arrives meanwhile is fetched. Each message comes
// out once, whole.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	mail := demo.Mail()
	mail = mail[:len(mail)-1] // without the large one
	tenant := startTenant(t, &demo.Options{Mail: mail})
	out := t.TempDir()
	first := watched(t, tenant, out, func(said string) bool { return strings.Count(said, ", attachments: ") == 5 }).mustSucceed(t)
	if n := first.report.Messages; n < 5 || n >= len(mail) {
		t.Errorf("%d messages before Ctrl-C", n)
	}
	if len(tenant.Inbox.Items("inbox")) == 0 {
		t.Error("nothing is left for the second run")
	}
	arrived := sync.OnceFunc(func() {
		if _, err := tenant.Inbox.Deliver([]byte("From: ann@customer.example\r\nSubject: arrived while watching\r\n\r\nHello\r\n"), nil); err != nil {
			t.Error(err)
		}
	})
	left := len(mail) - first.report.Messages
	second := watched(t, tenant, out, func(said string) bool {
		if strings.Count(said, ", attachments: ") >= left {
			arrived()
		}
		return strings.Contains(said, "arrived while watching")
	}).mustSucceed(t)
	if got := first.report.Messages + second.report.Messages; got != len(mail)+1 {
		t.Errorf("%d messages in both runs, want %d", got, len(mail)+1)
	}
	files := map[string]int{}
	for name, text := range tree(t, out) {
		if strings.HasPrefix(name, "messages/") && path.Ext(name) == ".eml" {
			files[sum([]byte(text))]++
		}
	}
	for i, b := range content(t, mail) {
		if files[sum(b)] != 1 {
			t.Errorf("%s came out %d times", mail[i].Name, files[sum(b)])
		}
	}
	if len(files) != len(mail)+1 {
		t.Errorf("%d files for %d messages", len(files), len(mail)+1)
	}
}

func TestWatchWantsAFolder(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-watch"}, {"-watch", "-out", t.TempDir(), "-limit", "1"}, {"-watch", "-out", t.TempDir(), "-read-only"}} {
		o := mailfetch(t, nil, args...)
		if o.status != 2 || !strings.Contains(o.stderr, "-watch") {
			t.Errorf("%s: status %d\n%s", fmt.Sprint(args), o.status, o.stderr)
		}
	}
}
