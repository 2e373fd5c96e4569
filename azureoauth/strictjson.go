package azureoauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// object is a JSON object read strictly: encoding/json alone takes the last of two equal names, matches names without
// regard to case and ignores what follows, so that two readers of one answer can see two different tokens.
type object map[string]json.RawMessage

func parseObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	o, seen := object{}, map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, errors.New("broken JSON")
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("broken JSON")
		}
		if l := strings.ToLower(name); seen[l] {
			return nil, errors.New("a JSON name occurs twice")
		} else {
			seen[l] = true
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errors.New("broken JSON")
		}
		o[name] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("truncated JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON object")
	}
	return o, nil
}

// str is a string member; absent and null are "".
func (o object) str(name string) (string, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return s, nil
}

// lenient is str for members that only explain: a wrong type is as good as none.
func (o object) lenient(name string) string {
	s, _ := o.str(name)
	return s
}

// seconds is a number of seconds. Entra writes a number, its v1 endpoint and some others a string, a few a fraction. Absent
// and null are (0, false).
func (o object) seconds(name string) (time.Duration, bool, error) {
	raw, ok := o[name]
	text := strings.TrimSpace(string(raw))
	if !ok || text == "null" {
		return 0, false, nil
	}
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, false, fmt.Errorf("%s is not a number", name)
		}
		text = strings.TrimSpace(text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if (err != nil && !errors.Is(err, strconv.ErrRange)) || math.IsNaN(f) {
		return 0, false, fmt.Errorf("%s is not a number", name)
	}
	if f < 0 {
		return 0, false, fmt.Errorf("%s is negative", name)
	}
	// A duration holds 292 years; what is beyond is cut before the conversion can overflow.
	if f > 9e9 {
		f = 9e9
	}
	return time.Duration(f * float64(time.Second)), true, nil
}

// ints is an array of integers; anything else is nil.
func (o object) ints(name string) []int64 {
	var out []int64
	if json.Unmarshal(o[name], &out) != nil {
		return nil
	}
	return out
}

// list is an array of strings, or one string as a list of one; anything else is nil.
func (o object) list(name string) []string {
	if s, err := o.str(name); err == nil && s != "" {
		return []string{s}
	}
	var out []string
	if json.Unmarshal(o[name], &out) != nil {
		return nil
	}
	return out
}

var errNotJWT = errors.New("azureoauth: not a JWT")
