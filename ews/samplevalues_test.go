package ews_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
)

// checkSampleValues checks that whatever was read from an answer stands in it: texts and attributes, times, numbers and base64.
func checkSampleValues(t *testing.T, name, raw string, v any) {
	t.Helper()
	here := map[string]bool{"": true, "SMTP": true, // a missing RoutingType is SMTP
		"F": true, "IPF.Note": true} // what CreateFolder was asked for
	add := func(s string) {
		here[s], here[strings.TrimSpace(s)], here[strings.Trim(strings.TrimSpace(s), "<>")] = true, true, true
		for _, word := range strings.Fields(s) {
			here[word] = true
		}
		if at, err := time.Parse(time.RFC3339, strings.TrimSpace(s)); err == nil {
			here[at.UTC().Format(time.RFC3339)] = true
		} else if at, err := time.Parse("2006-01-02T15:04:05", strings.TrimSpace(s)); err == nil {
			here[at.UTC().Format(time.RFC3339)] = true
		}
		if b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), "")); err == nil {
			here[base64.StdEncoding.EncodeToString(b)] = true
		}
	}
	d := xml.NewDecoder(strings.NewReader(raw))
	text := ""
	for {
		tok, err := d.Token()
		if err != nil {
			break
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			text = ""
			here[tok.Name.Local] = true
			for _, a := range tok.Attr {
				add(a.Value)
			}
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			add(text)
			text = ""
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var any any
	if err := json.Unmarshal(b, &any); err != nil {
		t.Fatal(err)
	}
	missing(any, "", func(path, s string) {
		if !here[s] {
			t.Errorf("%s: %s: %.100q does not stand in the sample", name, path, s)
		}
	})
}

// computed are fields that hold no value of an answer as it stands.
var computed = []string{".Cursor", ".State", ".IANA", ".Value[", ".StandardOffset", ".DaylightOffset"}

// missing calls tell for the texts, and the numbers beyond what an enumeration has, of a JSON value.
func missing(v any, path string, tell func(path, s string)) {
	for _, c := range computed {
		if strings.Contains(path, c) {
			return
		}
	}
	switch v := v.(type) {
	case string:
		if v != "0001-01-01T00:00:00Z" {
			tell(path, v)
		}
	case float64:
		if v > 9 {
			tell(path, fmt.Sprint(int64(v)))
		}
	case []any:
		for i, e := range v {
			missing(e, fmt.Sprintf("%s[%d]", path, i), tell)
		}
	case map[string]any:
		for k, e := range v {
			missing(e, path+"."+k, tell)
		}
	}
}

// pruned is a value as JSON has it, without what is zero.
func pruned(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var any any
	if err := json.Unmarshal(b, &any); err != nil {
		t.Fatal(err)
	}
	return prune(any)
}

func prune(v any) any {
	switch w := v.(type) {
	case string:
		if w == "" || w == "0001-01-01T00:00:00Z" {
			return nil
		}
	case float64:
		if w == 0 {
			return nil
		}
	case bool:
		if !w {
			return nil
		}
	case []any:
		for i, e := range w {
			w[i] = prune(e) // nil keeps the place
		}
		if len(w) == 0 {
			return nil
		}
	case map[string]any:
		for k, e := range w {
			if w[k] = prune(e); w[k] == nil {
				delete(w, k)
			}
		}
		if len(w) == 0 {
			return nil
		}
	}
	return v
}
