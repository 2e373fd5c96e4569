package ews_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// operations reads the table of the package documentation: operation to what makes it.
func operations(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(f.Doc.Text(), "# Operations")
	ops := map[string]string{}
	for l := range strings.Lines(table) {
		if name, by, ok := strings.Cut(strings.TrimPrefix(l, "\t"), " "); ok && strings.HasPrefix(l, "\t") {
			ops[name] = strings.TrimSpace(by)
		}
	}
	return ops
}

// TestOperationTable: the package documentation lists every operation of the official service description, names methods that
// exist, and says Do for no operation that the package makes itself.
func TestOperationTable(t *testing.T) {
	ops := operations(t)
	types := map[string]reflect.Type{
		"Mailbox": reflect.TypeFor[*ews.Mailbox](),
		"Client":  reflect.TypeFor[*ews.Client](),
		"Draft":   reflect.TypeFor[*ews.Draft](),
		"Message": reflect.TypeFor[*ews.Message](),
	}
	made := map[string]bool{}
	for op, by := range ops {
		if by == "Do" {
			continue
		}
		made[strings.ToLower(op)] = true
		for m := range strings.SplitSeq(by, ", ") {
			typ, method, _ := strings.Cut(m, ".")
			if types[typ] == nil {
				t.Errorf("%s: no type %q", op, typ)
			} else if _, ok := types[typ].MethodByName(method); !ok {
				t.Errorf("%s: there is no %s", op, m)
			}
		}
	}
	// What has a golden request is made by a method, unless that is one of Do's own.
	files, err := filepath.Glob("testdata/requests/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d golden requests, %v", len(files), err)
	}
	shown := map[string]bool{}
	for _, f := range files {
		op, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".xml"), "-")
		shown[op] = true
		if !made[op] && !strings.HasPrefix(name, "do") {
			t.Errorf("doc.go says Do for %s, but a method makes it (%s): name the method", op, f)
		}
	}
	for op := range made {
		if !shown[op] {
			t.Errorf("a method makes %s, but no golden request shows how", op)
		}
	}
	b, err := os.ReadFile(filepath.Join(shared(t, "schema"), "services.wsdl"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`<wsdl:operation name="(\w+)">`).FindAllStringSubmatch(string(b), -1) {
		all = append(all, m[1])
		if ops[m[1]] == "" {
			t.Errorf("doc.go does not list %s", m[1])
		}
	}
	if len(all) < 100 {
		t.Errorf("only %d operations in the service description", len(all))
	}
	for op := range ops {
		if !slices.Contains(all, op) {
			t.Errorf("doc.go lists %s, which is no operation", op)
		}
	}
}
