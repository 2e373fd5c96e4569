package challenge_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews/internal/challenge"
)

func TestParse(t *testing.T) {
	type ch = challenge.Challenge
	type p = map[string]string
	tests := []struct {
		name  string
		lines []string
		want  []ch
	}{
		{"none", nil, nil},
		{"empty line", []string{"", " ", ","}, nil},
		{"schemes in one line", []string{`Basic realm="X1", Digest realm="X2", NTLM`},
			[]ch{{Scheme: "Basic", Params: p{"realm": "X1"}}, {Scheme: "Digest", Params: p{"realm": "X2"}}, {Scheme: "NTLM"}}},
		{"schemes in several lines", []string{"Negotiate", "NTLM", `Basic realm=""`},
			[]ch{{Scheme: "Negotiate"}, {Scheme: "NTLM"}, {Scheme: "Basic", Params: p{"realm": ""}}}},
		{"Exchange Online", []string{`Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", authorization_uri="https://login.windows.net/common/oauth2/authorize", error="invalid_token",Basic Realm=""`},
			[]ch{{Scheme: "Bearer", Params: p{"client_id": "00000002-0000-0ff1-ce00-000000000000", "trusted_issuers": "00000001-0000-0000-c000-000000000000@*",
				"token_types": "app_asserted_user_v1 service_asserted_app_v1", "authorization_uri": "https://login.windows.net/common/oauth2/authorize", "error": "invalid_token"}},
				{Scheme: "Basic", Params: p{"realm": ""}}}},
		{"commas in quotes", []string{`Bearer a="x, Basic realm=y", b=z`}, []ch{{Scheme: "Bearer", Params: p{"a": "x, Basic realm=y", "b": "z"}}}},
		{"escapes", []string{`Bearer a="say \"hi\" \\"`}, []ch{{Scheme: "Bearer", Params: p{"a": `say "hi" \`}}}},
		{"blanks around =", []string{`Bearer a = "x" , b= y`}, []ch{{Scheme: "Bearer", Params: p{"a": "x", "b": "y"}}}},
		{"token68", []string{"NTLM TlRMTVNTUAACAAAA==, Negotiate YII=, Basic realm=x"},
			[]ch{{Scheme: "NTLM", Token68: "TlRMTVNTUAACAAAA=="}, {Scheme: "Negotiate", Token68: "YII="}, {Scheme: "Basic", Params: p{"realm": "x"}}}},
		{"first of repeated ones", []string{`Bearer error="a", error="b"`}, []ch{{Scheme: "Bearer", Params: p{"error": "a"}}}},
		{"upper case names", []string{`bearer ERROR="a"`}, []ch{{Scheme: "bearer", Params: p{"error": "a"}}}},
		{"quote not closed", []string{`Bearer error="a, Basic realm=x`}, []ch{{Scheme: "Bearer", Params: p{"error": "a, Basic realm=x"}}}},
		{"no quote", []string{`Bearer error=invalid_token, claims=abc`}, []ch{{Scheme: "Bearer", Params: p{"error": "invalid_token", "claims": "abc"}}}},
		{"parameter without scheme", []string{`realm="x", Basic realm="y"`}, []ch{{Scheme: "Basic", Params: p{"realm": "y"}}}},
		{"garbage between", []string{`Bearer error="a"; b, ,,=, "x, y", Basic`}, []ch{{Scheme: "Bearer", Params: p{"error": "a"}}, {Scheme: "Basic"}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, challenge.Parse(tc.lines)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	const object = `{"access_token":{"xms_cc":{"values":["cp1"]},"x":"??>>"}}`
	good := map[string]string{
		"standard":  base64.StdEncoding.EncodeToString([]byte(object)),
		"raw":       base64.RawStdEncoding.EncodeToString([]byte(object)),
		"url":       base64.URLEncoding.EncodeToString([]byte(object)),
		"url raw":   base64.RawURLEncoding.EncodeToString([]byte(object)),
		"white out": " " + base64.StdEncoding.EncodeToString([]byte(object)) + " ",
	}
	for name, s := range good {
		if got, err := challenge.Claims(s); err != nil || got != object {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, s := range []string{"", "!", "====", "bnVsbA", "W10", "eyJ", base64.StdEncoding.EncodeToString([]byte(`{"a":"` + strings.Repeat("x", 20<<10) + `"}`))} {
		if got, err := challenge.Claims(s); err == nil {
			t.Errorf("%.20q: %.20q accepted", s, got)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	tests := []struct {
		header           string
		id               int
		reason, category string
		ok               bool
	}{
		{`2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"`, 2000003, "The audience claim value is invalid 'aud'.", "invalid_resource", true},
		{`2000002; reason="a; b=\"c\"" ;error_type="token_expired"`, 2000002, `a; b="c"`, "token_expired", true},
		{`4000000`, 4000000, "", "", true},
		{`2000001;reason="not closed`, 2000001, "not closed", "", true},
		{`2000001;;;reason=x;(;error_category=y`, 2000001, "x", "y", true},
		{``, 0, "", "", false},
		{`reason="x"`, 0, "", "", false},
		{`99999999999999999999999`, 0, "", "", false},
	}
	for _, tc := range tests {
		id, reason, category, ok := challenge.Diagnostics(tc.header)
		if id != tc.id || reason != tc.reason || category != tc.category || ok != tc.ok {
			t.Errorf("%q: %d %q %q %v", tc.header, id, reason, category, ok)
		}
	}
}

// FuzzParse: no header panics, hangs or grows; what is found comes from the header.
func FuzzParse(f *testing.F) {
	f.Add(`Bearer client_id="00000002-0000-0ff1-ce00-000000000000", error="insufficient_claims", claims="e30=",Basic Realm=""`)
	f.Add(`NTLM TlRMTVNTUAAC==, Negotiate, Digest a="\"", b=c`)
	f.Add(`Basic realm="`)
	f.Fuzz(func(t *testing.T, header string) {
		all := challenge.Parse([]string{header, header})
		if len(all) > 32 {
			t.Fatalf("%d challenges", len(all))
		}
		for _, c := range all {
			if c.Scheme == "" || !strings.Contains(header, c.Scheme) || !strings.Contains(header, c.Token68) {
				t.Fatalf("%q is not in %q", c, header)
			}
			for k, v := range c.Params {
				if k == "" || len(v) > len(header) {
					t.Fatalf("parameter %q=%q of %q", k, v, header)
				}
				if claims, err := challenge.Claims(v); err == nil && !json.Valid([]byte(claims)) {
					t.Fatalf("claims %q are no JSON", claims)
				}
			}
		}
	})
}

// FuzzDiagnostics: no header panics or hangs.
func FuzzDiagnostics(f *testing.F) {
	f.Add(`2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"`)
	f.Add(`1;=;;a=b;"`)
	f.Fuzz(func(t *testing.T, header string) {
		id, reason, category, ok := challenge.Diagnostics(header)
		if id < 0 || !ok && (id != 0 || reason != "" || category != "") || len(reason)+len(category) > len(header) {
			t.Fatalf("%q: %d %q %q %v", header, id, reason, category, ok)
		}
	})
}
