package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/internal/leaktest"
	"github.com/ewsmail/ewsmail/internal/servers"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func environment(secret string) func(string) string {
	return func(name string) string {
		if name == "DAEMON_CLIENT_SECRET" {
			return secret
		}
		return ""
	}
}

// tenant starts a demo tenant with some mail and returns the flags that lead to it.
func tenant(t *testing.T, messages int) (*demo.Tenant, []string) {
	t.Helper()
	var mail []demo.Message
	for i := range messages {
		mail = append(mail, demo.Message{Name: fmt.Sprint(i), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(fmt.Sprintf("From: ann@example.com\r\nTo: %s\r\nSubject: mail %d\r\n\r\nhello\r\n", demo.Mailbox, i))), nil
		}})
	}
	tn, err := demo.Start(&demo.Options{Mail: mail})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tn.Close)
	return tn, []string{"-client-id", demo.ClientID, "-token-url", tn.Entra.TokenURL(), "-endpoint", tn.Exchange.Endpoint(),
		"-mailboxes", demo.Mailbox, "-db", filepath.Join(t.TempDir(), "tickets.db")}
}

func subjects(t *testing.T, args []string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+args[len(args)-1]+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT subject FROM tickets`)
	if err != nil {
		return nil // not made yet
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		found[s]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestDemo is what a newcomer does.
func TestDemo(t *testing.T) {
	var out, log bytes.Buffer
	if status := run(t.Context(), nil, environment(""), &out, &log); status != 0 {
		t.Fatalf("exit status %d\n%s", status, log.String())
	}
	for _, want := range []string{"billing@harbour-it.example  1\n", "support@harbour-it.example  46\n"} { // of 49: an auto-reply, a bounce, a receipt
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestRestart: a daemon that is stopped in the middle goes on where it was, and what arrives later becomes a ticket too.
func TestRestart(t *testing.T) {
	const n = 60
	tn, args := tenant(t, n)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var log bytes.Buffer
	go func() { ended <- run(ctx, args, environment(demo.ClientSecret), io.Discard, &log) }()
	for len(subjects(t, args)) == 0 {
		select {
		case status := <-ended:
			t.Fatalf("exit status %d\n%s", status, log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	stop()
	if status := <-ended; status != 0 {
		t.Fatalf("exit status %d\n%s", status, log.String())
	}

	if _, err := tn.Inbox.Deliver([]byte("From: bob@example.com\r\nTo: "+demo.Mailbox+"\r\nSubject: late\r\n\r\nx\r\n"), nil); err != nil {
		t.Fatal(err)
	}
	// A daemon that gets nothing done for its lease's 6 seconds, on a machine that busy, leaves the rest to the next one, as to that of a timer.
	status := 1
	for n := 0; n < 5 && status == 1; n++ {
		status = run(t.Context(), append([]string{"-once"}, args...), environment(demo.ClientSecret), io.Discard, &log)
		if !strings.Contains(log.String(), fetcher.ErrLeaseLost.Error()) {
			break
		}
	}
	if status != 0 {
		t.Fatalf("exit status %d\n%s", status, log.String())
	}
	got := subjects(t, args)
	for i := range n {
		if s := fmt.Sprintf("mail %d", i); got[s] != 1 {
			t.Errorf("%d tickets of %q", got[s], s)
		}
	}
	if got["late"] != 1 || len(got) != n+1 {
		t.Errorf("%d tickets, %d of the late mail", len(got), got["late"])
	}
	if strings.Contains(log.String(), demo.ClientSecret) {
		t.Error("the log holds the client secret")
	}
}

// TestDatabaseIsPrivate: nobody but the owner reads the mail, whatever characters the file's name has.
func TestDatabaseIsPrivate(t *testing.T) {
	_, args := tenant(t, 1)
	name := "tickets 100% #1.db"
	if runtime.GOOS != "windows" {
		name = "tickets? 100% #1.db"
	}
	file := filepath.Join(t.TempDir(), name)
	args[len(args)-1] = file
	var log bytes.Buffer
	if status := run(t.Context(), append([]string{"-once"}, args...), environment(demo.ClientSecret), io.Discard, &log); status != 0 {
		t.Fatalf("exit status %d\n%s", status, log.String())
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(found) != 1 || found[0] != file {
		t.Fatalf("%q, %v", found, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("the mode is %o", mode)
	}
	if info.Size() == 0 {
		t.Error("nothing was stored in it")
	}
}

// TestRefused: a registration that Entra refuses is told at the start, with what to do.
func TestRefused(t *testing.T) {
	_, args := tenant(t, 0)
	var log bytes.Buffer
	if status := run(t.Context(), args, environment("not-the-secret"), io.Discard, &log); status != 1 {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(log.String(), "AADSTS7000215") || !strings.Contains(log.String(), "Certificates & secrets") || strings.Contains(log.String(), "not-the-secret") {
		t.Error(log.String())
	}
}

// TestHealth: the page is well while mail is fetched, and says what is wrong when a mailbox cannot be.
func TestHealth(t *testing.T) {
	for _, tc := range []struct{ mailbox, want string }{{demo.Mailbox, "200"}, {"nobody@harbour-it.example", "503"}} {
		t.Run(tc.want, func(t *testing.T) {
			_, args := tenant(t, 1)
			address := "127.0.0.1:" + servers.Port(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan int, 1)
			var log bytes.Buffer
			go func() {
				ended <- run(ctx, append([]string{"-listen", address, "-stale", "1s", "-mailboxes", tc.mailbox}, without(args, "-mailboxes")...), environment(demo.ClientSecret), io.Discard, &log)
			}()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			var page string
			for deadline := time.Now().Add(time.Minute); !strings.HasPrefix(page, tc.want) && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				resp, err := client.Get("http://" + address + "/healthz")
				if err != nil {
					continue
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err == nil {
					page = resp.Status + "\n" + string(body)
				}
			}
			if !strings.HasPrefix(page, tc.want) || (tc.want == "503") != strings.Contains(page, tc.mailbox) {
				t.Errorf("the page says %q", page)
			}
			stop()
			if status := <-ended; status != 0 {
				t.Errorf("exit status %d\n%s", status, log.String())
			}
		})
	}
}

// without returns the flags without one of them and its value.
func without(args []string, flag string) []string {
	i := slices.Index(args, flag)
	return append(slices.Clone(args[:i]), args[i+2:]...)
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"no mailboxes, no database", []string{"-client-id", demo.ClientID, "-tenant", "contoso.onmicrosoft.com"}, []string{"-mailboxes", "-db"}},
		{"certificate that is not there", []string{"-client-id", demo.ClientID, "-certificate", "missing.pfx", "-mailboxes", "a@example.com", "-db", "x"}, []string{"-certificate", "missing.pfx"}},
		{"a secret that is missing", []string{"-client-id", demo.ClientID, "-tenant", "contoso.onmicrosoft.com", "-mailboxes", "a@example.com", "-db", "x"}, []string{"Client secret"}},
		{"not an EWS URL", []string{"-client-id", demo.ClientID, "-tenant", "contoso.onmicrosoft.com", "-endpoint", "http://mail.example.com/EWS/Exchange.asmx", "-mailboxes", "a@example.com", "-db", "x"}, []string{"-endpoint", "https"}},
		{"arguments", []string{"help@example.com"}, []string{"only flags"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			if status := run(t.Context(), tc.args, environment(""), io.Discard, &log); status != 2 {
				t.Errorf("exit status %d", status)
			}
			for _, want := range tc.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("no %q in %s", want, log.String())
				}
			}
		})
	}
}
