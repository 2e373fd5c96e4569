package azureoauth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// Case 16: states are compared in constant time. A clock cannot show that reliably, so this looks at the source: the two places that
// decide whether a state is the right one must ask crypto/subtle, and must compare no state with == or !=, but for the empty text.
func TestStatesAreComparedInConstantTime(t *testing.T) {
	for file, function := range map[string]string{"signin.go": "sameSecret", "adminconsent.go": "AdminConsent"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		found, constant := false, false
		ast.Inspect(f, func(n ast.Node) bool {
			fn, ok := n.(*ast.FuncDecl)
			if !ok || fn.Name.Name != function {
				return true
			}
			found = true
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					constant = constant || n.Sel.Name == "ConstantTimeCompare"
				case *ast.BinaryExpr:
					if (n.Op == token.EQL || n.Op == token.NEQ) && secret(n.X) && !literal(n.Y) {
						t.Errorf("%s: %s compares a secret with %s", file, function, n.Op)
					}
				}
				return true
			})
			return false
		})
		if !found || !constant {
			t.Errorf("%s: %s found %v, asks crypto/subtle %v", file, function, found, constant)
		}
	}
}

func secret(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && (id.Name == "a" || id.Name == "b" || id.Name == "state")
}

func literal(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}
