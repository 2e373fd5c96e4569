package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// What goes wrong in real tenants: one line says what it is and what to do, the exit status says so too, and no file is
// half written.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault   string
		ok      bool
		wants   []string // all in the first line of the errors
		several bool     // more lines than one
	}{
		{fault: "gone", wants: []string{"cannot be reached", "dial tcp", "try again later"}},
		{fault: "cut", wants: []string{"message \"", "was cut", "try again later"}, several: true},
		{fault: "cut-passing", ok: true},
		{fault: "cut-message", wants: []string{"message \"", "was cut", "try again later"}},
		{fault: "cut-attachment", wants: []string{"attachment \"", "was cut", "try again later"}, several: true},
		{fault: "blocked", wants: []string{"EWS is blocked", "HTTP 403"}},
		{fault: "blocked-midway", wants: []string{"message \"", "EWS is blocked", "HTTP 403"}},
		{fault: "busy", wants: []string{"throttling", "5m0s"}},
		{fault: "busy-passing", ok: true},
		{fault: "unavailable", wants: []string{"unavailable", "HTTP 503"}},
		{fault: "lost-midway", wants: []string{"message \"", "was cut", "try again later"}, several: true},
		{fault: "unauthorized", wants: []string{"finds the access token invalid", "2000001"}},
		{fault: "unauthorized-passing", ok: true},
		{fault: "audience", wants: []string{"2000003", "EWS.AccessAsUser.All"}},
		{fault: "denied", wants: []string{"access denied", "lacks a right"}},
		{fault: "login-page", wants: []string{"<html> instead of a SOAP envelope", "check Config.Endpoint"}},
		{fault: "not-xml", wants: []string{"FindItem"}},
		{fault: "broken-message", wants: []string{"message \"", "ErrorMimeContentConversionFailed"}},
		{fault: "no-send", wants: []string{"answer \"", "ErrorSendAsDenied", "Send As"}},
		{fault: "no-move", wants: []string{"move to Processed", "ErrorAccessDenied"}},
		{fault: "sign-in-declined", wants: []string{"sign-in: ", "access_denied"}},
		{fault: "secret-expired", wants: []string{"sign-in: ", "AADSTS7000222", "new secret"}},
		{fault: "wrong-secret", wants: []string{"sign-in: ", "AADSTS7000215", "Value"}},
		{fault: "no-consent", wants: []string{"sign-in: ", "AADSTS65001"}},
		{fault: "token-endpoint-down", wants: []string{"sign-in: ", "503"}},
		{fault: "token-endpoint-html", wants: []string{"sign-in: ", "token URL"}},
	}
	var known []string
	for _, tt := range tests {
		known = append(known, tt.fault)
	}
	if all := demo.Faults(); !slices.Equal(all, known) {
		t.Errorf("faults of the demo tenant: %v; tested: %v", all, known)
	}
	mail := smallMail(t)
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			args := []string{"-json", "-mail", mail, "-demo-fault", tt.fault, "-out", t.TempDir(), "-patience", "0s"}
			if tt.ok {
				args = append(args, "-patience", "20s")
			}
			o := mailfetch(t, nil, args...)
			if o.report.Out != "" {
				checkWhole(t, o.report.Out)
			}
			if tt.ok {
				o.mustSucceed(t)
				checkFiles(t, o.report)
				return
			}
			if o.status != 1 || o.report.OK {
				t.Errorf("exit status %d, want 1", o.status)
			}
			if n := len(o.report.Errors); n == 0 || n > 1 != tt.several {
				t.Fatalf("errors: %q", o.report.Errors)
			}
			for _, want := range tt.wants {
				if !strings.Contains(o.report.Errors[0], want) {
					t.Errorf("%q is missing in: %s", want, o.report.Errors[0])
				}
			}
			if strings.ContainsAny(o.report.Errors[0], "\r\n") || !strings.Contains(o.stderr, "mailfetch: "+o.report.Errors[0]+"\n") {
				t.Errorf("not one line on standard error: %s", o.report.Errors[0])
			}
			if len(o.report.Errors[0]) > 700 {
				t.Errorf("nobody reads a line of %d bytes: %s", len(o.report.Errors[0]), o.report.Errors[0])
			}
		})
	}
}

// One message that the server cannot deliver, or whose download always breaks, holds nothing else up, and stays in the inbox.
func TestBrokenMessageDoesNotBlockTheOthers(t *testing.T) {
	t.Parallel()
	all := len(demo.Mail()) - 1
	for _, fault := range []string{"broken-message", "cut-message"} {
		o := mailfetch(t, nil, "-json", "-mail", smallMail(t), "-demo-fault", fault, "-patience", "0s", "-out", t.TempDir())
		if r := o.report; o.status != 1 || r.Messages != all-1 || r.Moved != all-1 || r.Failed != 1 || r.Replied != 1 {
			t.Errorf("%s: status %d, report %+v", fault, o.status, r)
		}
		if fault == "cut-message" && !strings.Contains(o.stderr, "1/48 failed: ") || !strings.Contains(o.stderr, "\n47/47 ") && !strings.Contains(o.stderr, "\n48/48 ") {
			t.Errorf("%s: the failed message is not counted:\n%s", fault, o.stderr)
		}
	}
}

// When the work ends early, what is complete is filed away: the next run does not begin with it again.
func TestCompleteMessagesAreFiledWhenTheWorkEnds(t *testing.T) {
	t.Parallel()
	t.Run("server gone", func(t *testing.T) {
		t.Parallel()
		r := mailfetch(t, nil, "-json", "-mail", smallMail(t), "-demo-fault", "lost-midway", "-patience", "0s", "-out", t.TempDir()).report
		if r.Messages != 3 || r.MarkedRead != 3 || r.Moved != 3 || r.Failed != 3 || len(r.Errors) != 3 || !strings.Contains(r.Errors[2], "and 2 before it") {
			t.Errorf("report: %+v", r)
		}
	})
	t.Run("folder fails", func(t *testing.T) {
		t.Parallel()
		out := t.TempDir()
		if err := os.WriteFile(filepath.Join(out, "attachments"), nil, 0o600); err != nil { // where a folder should be
			t.Fatal(err)
		}
		r := mailfetch(t, nil, "-json", "-mail", smallMail(t), "-out", out).report
		if r.OK || r.Messages == 0 || r.Moved != r.Messages || len(r.Errors) != 1 || !strings.Contains(r.Errors[0], "name another with -out") {
			t.Errorf("report: %+v", r)
		}
	})
	t.Run("answer fails", func(t *testing.T) {
		t.Parallel()
		r := mailfetch(t, nil, "-json", "-mail", smallMail(t), "-demo-fault", "no-send", "-out", t.TempDir()).report
		if r.OK || r.Replied != 0 || r.Messages == 0 || r.Moved != r.Messages-1 || len(r.Errors) != 1 {
			t.Errorf("report: %+v", r)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		r := mailfetch(t, nil, "-json", "-mail", smallMail(t), "-demo-fault", "blocked-midway", "-out", t.TempDir()).report
		if r.Messages == 0 || r.Moved != 0 || len(r.Errors) != 1 {
			t.Errorf("report: %+v", r)
		}
	})
}

func TestFullDiskSaysWhatToDo(t *testing.T) {
	err := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	for _, want := range []string{"make room", "-out", "still in the inbox"} {
		if got := diskAdvice(fmt.Errorf("attachment: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	if got := diskAdvice(errors.New("ews: unavailable")); got != "" {
		t.Errorf("advice about the disk for an error of the server: %q", got)
	}
}

// What an administrator needs to lift the block is printed, to be copied.
func TestBlockPrintsTheCommands(t *testing.T) {
	t.Parallel()
	o := mailfetch(t, nil, "-mail", smallMail(t), "-demo-fault", "blocked", "-out", t.TempDir())
	for _, want := range []string{"Set-OrganizationConfig -EwsEnabled $true", demo.ClientID, "1 April 2027"} {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("%q is missing in:\n%s", want, o.stderr)
		}
	}
}
