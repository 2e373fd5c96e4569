//go:build !race

package ews_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// TestEveryArgument calls every method of Mailbox, and in turn gives each text, number, time and enumeration within its arguments values that
// are wrong in some way. Whatever comes of it, nothing that breaks Exchange's schema is sent, and a text that XML cannot carry is told to the
// caller before the first request, never sent as another one.
func TestEveryArgument(t *testing.T) {
	var calls []argumentCall
	typ := reflect.TypeFor[*ews.Mailbox]()
	for i := range typ.NumMethod() {
		if m := typ.Method(i); m.Type.NumIn() > 1 && m.Type.In(1) == contextType && !isSeam(m) {
			calls = append(calls, argumentCall{m.Name, m.Func})
		}
	}
	calls = append(calls, argumentWrappers...)
	tried := 0
	kinds := map[string]string{} // requests that differ in more than ids, and what they come from
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newArgumentWorld(t)
				w.kinds = kinds
				w.try(t, call, w.arguments(call), "nothing")
				for n := 0; ; n++ {
					args := w.arguments(call)
					spoil := &spoiler{w: w, target: n, times: badTimes}
					for i := range args {
						spoil.walk(args[i], fmt.Sprintf("argument %d", i+1), 0)
					}
					if spoil.done == "" {
						break
					}
					tried++
					w.try(t, call, args, spoil.done)
				}
			})
		})
	}
	t.Log(tried, "calls,", len(kinds), "kinds of requests")
	if tried < 5000 {
		t.Errorf("only %d calls", tried)
	}
	validateKinds(t, kinds)
}

var strangeYear = regexp.MustCompile(`[">](-\d+|0000|\d{5,})-\d\d-\d\dT`)

var anyID = regexp.MustCompile(`( (?:Id|ChangeKey)="|<t:Value>|Value=")(?:[A-Za-z0-9+/]{24,}=*|[0-9a-f]{32})(["<])`)

// validateKinds checks the requests against Microsoft's schema, if that is here: it says more than the fake server's.
func validateKinds(t *testing.T, kinds map[string]string) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian: libxml2-utils)")
	}
	xsd := shared(t, "schema", "soap-request.xsd")
	dir := t.TempDir()
	from := map[string]string{}
	var files []string
	for s, what := range kinds {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", len(files)))
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		from[file] = what
		files = append(files, file)
	}
	for part := range slices.Chunk(files, 1000) {
		out, _ := exec.Command(xmllint, append([]string{"--noout", "--schema", xsd}, part...)...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, dir) && !strings.HasSuffix(line, " validates") && !strings.HasSuffix(line, " fails to validate") {
				file, _, _ := strings.Cut(line, ":")
				if !strings.HasPrefix(from[file], "Pull: ") {
					t.Errorf("%s: %s", from[file], line)
				}
			}
		}
	}
}

// isSeam reports whether it is a method that only tests have.
func isSeam(m reflect.Method) bool {
	f := runtime.FuncForPC(m.Func.Pointer())
	file, _ := f.FileLine(f.Entry())
	return strings.HasSuffix(file, "_test.go")
}

var contextType = reflect.TypeFor[context.Context]()

// argumentCall is a function of a Mailbox, a context and its arguments.
type argumentCall struct {
	name string
	fn   reflect.Value
}

// argumentWrappers are the calls whose arguments hide what is to be spoilt.
var argumentWrappers = []argumentCall{
	argumentsIn("CreateRule", func(m *ews.Mailbox, ctx context.Context, r ews.InboxRule) error {
		r.ID = ""
		return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.CreateRule(r)}, nil)
	}),
	argumentsIn("SetRule", func(m *ews.Mailbox, ctx context.Context, r ews.InboxRule) error {
		return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.SetRule(r)}, nil)
	}),
	argumentsIn("DeleteRule", func(m *ews.Mailbox, ctx context.Context, id string) error {
		return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.DeleteRule(id)}, nil)
	}),
	argumentsIn("FolderName.In", func(m *ews.Mailbox, ctx context.Context, name ews.FolderName, address string) error {
		_, err := m.Folder(ctx, name.In(address))
		return err
	}),
}

func argumentsIn(name string, fn any) argumentCall { return argumentCall{name, reflect.ValueOf(fn)} }

// try makes the call and looks at what it sent.
func (w *argumentWorld) try(t *testing.T, call argumentCall, args []reflect.Value, what string) {
	t.Helper()
	w.srv.ResetRequests()
	w.sent = nil
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	var err error
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("%s: %s: panic: %v", call.name, what, p)
			}
		}()
		in := append([]reflect.Value{reflect.ValueOf(w.m), reflect.ValueOf(ctx)}, args...)
		var out []reflect.Value
		if call.fn.Type().IsVariadic() {
			out = call.fn.CallSlice(in)
		} else {
			out = call.fn.Call(in)
		}
		err = outcomeOf(out)
	}()
	if what == "nothing" && len(w.sent) == 0 {
		t.Errorf("%s sends nothing: %v", call.name, err)
	}
	if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7F }) {
		t.Errorf("%s: %s: the error is no line: %q", call.name, what, err)
	}
	for _, r := range w.srv.Requests() {
		if slices.Contains(r.Codes, "ErrorSchemaValidation") && r.Operation != "GetEvents" { // without a watermark, as servers that give none want it
			t.Errorf("%s: %s: %s breaks the schema: %v\n%s", call.name, what, r.Operation, err, r.Body)
		}
	}
	if err != nil && len(w.sent) > 0 && (strings.Contains(err.Error(), "XML cannot carry") || strings.Contains(err.Error(), "is not UTF-8") || strings.Contains(err.Error(), "in the years 1 to 9999")) {
		t.Errorf("%s: %s: %d requests before it was found: %v", call.name, what, len(w.sent), err)
	}
	for _, s := range w.sent {
		w.kinds[anyID.ReplaceAllString(s, `${1}xxxx$2`)] = call.name + ": " + what
		if strings.Contains(s, badMark) {
			t.Errorf("%s: %s: sent as something else", call.name, what)
		}
		if at := strangeYear.FindString(s); at != "" {
			t.Errorf("%s: %s: a time that Exchange does not have was sent: %s", call.name, what, at)
		}
	}
}

// outcomeOf ends what a call began, and returns its error.
func outcomeOf(out []reflect.Value) error {
	var last error
	for _, v := range out {
		switch {
		case v.Kind() == reflect.Func: // iter.Seq2
			n := 0
			for _, second := range v.Seq2() {
				last, _ = second.Interface().(error)
				if n++; n == 3 {
					break
				}
			}
		case !v.CanInterface():
		default:
			if err, ok := v.Interface().(error); ok {
				last = err
			} else if c, ok := v.Interface().(interface{ Close() error }); ok && !v.IsNil() {
				_ = c.Close()
			}
		}
	}
	return last
}
