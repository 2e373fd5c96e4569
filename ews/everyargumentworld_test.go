//go:build !race

package ews_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// argumentWorld is a mailbox to be ill-treated.
type argumentWorld struct {
	srv  *ewstest.Server
	box  *ewstest.Mailbox
	m    *ews.Mailbox
	mu   sync.Mutex
	sent []string // requests of the call under way

	kinds map[string]string
}

func newArgumentWorld(t *testing.T) *argumentWorld {
	w := &argumentWorld{srv: ewstest.New(nil)}
	w.box = w.srv.AddMailbox(support)
	inner := w.srv.Transport()
	c, err := ews.NewClient(ews.Config{Endpoint: w.srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})), Retry: &ews.RetryPolicy{MaxAttempts: 1},
		HTTPClient: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			w.mu.Lock()
			w.sent = append(w.sent, string(body))
			w.mu.Unlock()
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			return inner.RoundTrip(r)
		})}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); inner.CloseIdleConnections(); w.srv.Close() })
	w.m = c.Own()
	return w
}

// arguments are those of a call that is right.
func (w *argumentWorld) arguments(call argumentCall) (args []reflect.Value) {
	typ := call.fn.Type()
	for i := 2; i < typ.NumIn(); i++ {
		v := reflect.New(typ.In(i)).Elem()
		if value, ok := argumentsOf[call.name]; ok && i-2 < len(value) && value[i-2] != nil {
			v.Set(reflect.ValueOf(value[i-2]))
		} else {
			v.Set(w.good(v.Type()))
		}
		args = append(args, v)
	}
	return args
}

// good returns a value of the type that calls take.
func (w *argumentWorld) good(typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	if typ == reflect.TypeFor[ews.ItemID]() {
		v.Set(reflect.ValueOf(w.item()))
		return v
	}
	if all := alternatives(typ); len(all) > 0 {
		v.Set(reflect.ValueOf(all[0]))
		return v
	}
	switch typ.Kind() {
	case reflect.Slice:
		if typ.Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.Append(v, w.good(typ.Elem())))
		}
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(w.good(typ.Elem()))
	case reflect.String:
		v.SetString("text")
	}
	return v
}

// item is a message that is there.
func (w *argumentWorld) item() ews.ItemID {
	id, err := w.box.Deliver([]byte(question), nil)
	if err != nil {
		panic(err)
	}
	return ews.ItemID{ID: id.ID, ChangeKey: id.ChangeKey}
}

// spoiler gives the target-th of the values within the arguments that can be wrong such a value.
type spoiler struct {
	w      *argumentWorld
	n      int
	target int
	times  []any
	done   string // what was spoilt, and how
}

// leaf counts a value to be tried.
func (s *spoiler) leaf(v reflect.Value, path string, value any) {
	if s.done == "" && s.n == s.target {
		to := reflect.ValueOf(value)
		if to.IsValid() && to.Type() != v.Type() && to.CanConvert(v.Type()) && v.Kind() != reflect.Interface {
			to = to.Convert(v.Type())
		}
		if to.IsValid() {
			v.Set(to)
		} else {
			v.SetZero()
		}
		s.done = fmt.Sprintf("%s = %.40q", path, fmt.Sprint(value))
	}
	s.n++
}

const badMark = "qzx"

var (
	badStrings = []any{badMark + "\x01", badMark + "\uFFFE", badMark + "\xff", "", " ", "Foo", "a<b>&\"'"}
	badTimes   = []any{time.Time{}, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3601))}
	badDurations = []any{time.Duration(-1), time.Duration(1), 90 * time.Second, time.Duration(math.MaxInt64)}
	badAny       = []any{nil, badMark + "\x01", 3, int64(math.MinInt64), true, math.NaN(), math.Inf(1), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		struct{}{}, []string{badMark + "\x01"}, []byte{0}, []any{nil}, ews.Importance(99), ews.TextField("Foo")}
)

func (s *spoiler) walk(v reflect.Value, path string, depth int) {
	if s.done != "" || depth > 9 {
		return
	}
	switch typ := v.Type(); {
	case typ == reflect.TypeFor[time.Time]():
		s.all(v, path, s.times)
		return
	case typ == reflect.TypeFor[time.Duration]():
		s.all(v, path, badDurations)
		return
	case typ == reflect.TypeFor[ews.Content](), typ.Kind() == reflect.Func, typ.Kind() == reflect.Chan:
		return
	}
	switch v.Kind() {
	case reflect.String:
		s.all(v, path, badStrings)
	case reflect.Bool:
		s.leaf(v, path, !v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		most := int64(math.MaxInt64) >> (64 - v.Type().Bits())
		s.all(v, path, []any{int64(-1), int64(99), most, -most - 1})
		if v.Kind() == reflect.Int && v.Type() != reflect.TypeFor[int]() { // an enumeration: the good ones as well
			s.all(v, path, []any{int64(1), int64(2), int64(3)})
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.all(v, path, []any{uint64(99), uint64(math.MaxUint64) >> (64 - v.Type().Bits())})
	case reflect.Float64:
		s.all(v, path, []any{math.NaN(), math.Inf(1), -1.5})
	case reflect.Slice:
		was := reflect.ValueOf(v.Interface())
		if v.Type().Elem().Kind() == reflect.Uint8 {
			s.all(v, path, []any{[]byte{}, []byte("\x00")})
			return
		}
		s.leaf(v, path, reflect.Zero(v.Type()).Interface())
		if s.done == "" {
			s.leaf(v, path, reflect.Append(reflect.Zero(v.Type()), reflect.Zero(v.Type().Elem())).Interface())
		}
		if s.done != "" {
			return
		}
		if v.Len() == 0 {
			v.Set(reflect.Append(v, s.w.good(v.Type().Elem())))
		}
		s.walk(v.Index(0), path+"[0]", depth+1)
		if s.done == "" {
			v.Set(was)
		}
	case reflect.Pointer:
		was := reflect.ValueOf(v.Interface())
		s.leaf(v, path, nil)
		if s.done != "" {
			return
		}
		if v.IsNil() {
			v.Set(s.w.good(v.Type()))
		}
		s.walk(v.Elem(), path, depth+1)
		if s.done == "" {
			v.Set(was)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				s.walk(v.Field(i), path+"."+f.Name, depth+1)
			}
		}
	case reflect.Interface:
		if v.NumMethod() == 0 {
			s.all(v, path, badAny)
			return
		}
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		s.leaf(v, path, nil)
		if depth > 7 {
			return
		}
		for _, alternative := range alternatives(v.Type()) {
			inner := reflect.New(reflect.TypeOf(alternative)).Elem()
			inner.Set(reflect.ValueOf(alternative))
			s.walk(inner, fmt.Sprintf("%s(%T)", path, alternative), depth+2)
			if s.done != "" {
				if inner.IsValid() && s.done != "" && !strings.HasPrefix(s.done, path+" =") {
					v.Set(inner)
				}
				return
			}
		}
		v.Set(was)
	}
}

func (s *spoiler) all(v reflect.Value, path string, values []any) {
	for _, value := range values {
		s.leaf(v, path, value)
	}
}
