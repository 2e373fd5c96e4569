package ews_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

const (
	prologue = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="` + wire.NSSOAP + `" xmlns:m="` + wire.NSMessages + `" xmlns:t="` + wire.NSTypes +
		`"><s:Body><m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>`
	epilogue = `</t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>`
)

// enough is the size of attacks that have an end, in bytes.
func enough() int {
	if raceEnabled {
		return 1 << 20
	}
	return 30 << 20
}

// endless writes start and then chunk until the client has had enough.
func endless(start, chunk string) http.HandlerFunc {
	block := []byte(strings.Repeat(chunk, 1+(64<<10)/len(chunk)))
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		io.WriteString(w, start)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

// numbered writes 30 MiB of chunks, with a number in place of each #.
func numbered(start, chunk, end string) http.HandlerFunc {
	parts := strings.Split(chunk, "#")
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		b := append(make([]byte, 0, 128<<10), start...)
		for i, n := 0, 0; n < enough(); i++ {
			b = append(b, parts[0]...)
			for _, p := range parts[1:] {
				b = append(strconv.AppendInt(b, int64(i), 10), p...)
			}
			if len(b) > 64<<10 {
				n += len(b)
				if _, err := w.Write(b); err != nil {
					return
				}
				b = b[:0]
			}
		}
		w.Write(append(b, end...))
	}
}

func packed(parts ...string) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&b)
		io.WriteString(z, p)
		z.Close()
	}
	return b.Bytes()
}

func unpacks(start, repeat []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(start)
		for {
			if _, err := w.Write(repeat); err != nil {
				return
			}
		}
	}
}

// hijack takes the connection over after the request was read.
func hijack(f func(c net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			defer c.Close()
			f(c)
		}
	}
}

// hostileCase is an answer of a server that means harm, or is broken.
type hostileCase struct {
	name    string
	handler http.HandlerFunc
	kinds   []error // any of them, depending on the operation
	slow    bool    // the answer does not end by itself
}

// hostileCases are all of them. thief is the URL of a server that must never be asked.
func hostileCases(thief string) []hostileCase {
	mb := strings.Repeat("A", 1<<20)
	utf32 := []byte{0xff, 0xfe, 0, 0}
	for _, r := range prologue + epilogue {
		utf32 = append(utf32, byte(r), 0, 0, 0)
	}
	return []hostileCase{
		{"gzip bomb", unpacks(packed(prologue+"<t:Subject>"), packed(mb)), []error{ews.ErrTooLarge}, false},
		{"gzip bomb of nothing", unpacks(packed(prologue), packed("")), []error{ews.ErrTooLarge}, false},
		{"gzip bomb of white space", unpacks(nil, packed(strings.Repeat(" ", 1<<20))), []error{ews.ErrTooLarge}, false},
		{"not gzip at all", unpacks(nil, []byte("AAAA")), []error{ews.ErrUnavailable}, false},
		{"nesting", endless(prologue, "<a>"), []error{ews.ErrTooLarge}, false},
		{"attributes", numbered(prologue+"<t:Subject", " a#='1'", "/>"+epilogue), []error{ews.ErrTooLarge}, false},
		{"attributes in many tags", numbered(prologue, "<t:a a='1' b='2' c='3' n#='4'/>", epilogue), []error{nil, ews.ErrBadItem}, false},
		{"namespaces", numbered(prologue+"<t:Subject", " xmlns:a#='urn:x'", "/>"+epilogue), []error{ews.ErrTooLarge}, false},
		{"namespaces in many tags", numbered(prologue, "<t:a xmlns:n#='urn:#'/>", epilogue), []error{nil, ews.ErrBadItem}, false},
		{"many names", numbered(prologue, "<t:name#/>", epilogue), []error{ews.ErrTooLarge}, false},
		{"endless text", endless(prologue+"<t:Subject>", "text "), []error{ews.ErrTooLarge}, false},
		{"endless references", endless(prologue+"<t:Subject>", "&#x1F600;&amp;"), []error{ews.ErrTooLarge}, false},
		{"endless illegal characters", endless(prologue+"<t:Subject>", "&#0;\x01\xff"), []error{ews.ErrTooLarge}, false},
		{"endless text nobody asked for", endless(prologue+"<t:Unknown>", "text "), []error{ews.ErrTooLarge}, false},
		{"endless content", endless(prologue+"<t:MimeContent>", "QUJD"), []error{ews.ErrTooLarge}, false},
		{"endless comment", endless(prologue+"<!--", "comment "), []error{ews.ErrTooLarge}, false},
		{"endless CDATA", endless(prologue+"<t:Subject><![CDATA[", "text "), []error{ews.ErrTooLarge}, false},
		{"endless instruction", endless(prologue+"<?x ", "text "), []error{ews.ErrTooLarge, ews.ErrBadResponse}, false},
		{"endless white space", endless("", " \n"), []error{ews.ErrTooLarge}, false},
		{"endless items", endless(prologue, "<t:Categories><t:String>x</t:String></t:Categories>"), []error{ews.ErrTooLarge}, false},
		{"endless headers in the message", endless(prologue+"<t:InternetMessageHeaders>", "<t:InternetMessageHeader HeaderName='X'>y</t:InternetMessageHeader>"), []error{ews.ErrTooLarge}, false},
		{"endless envelopes", endless(prologue+epilogue, prologue+epilogue), []error{nil, ews.ErrBadItem}, false},
		{"endless messages", endless(strings.TrimSuffix(prologue, "<m:Items><t:Message>"), "</m:GetItemResponseMessage><m:GetItemResponseMessage ResponseClass='Error'><m:ResponseCode>ErrorItemNotFound</m:ResponseCode>"),
			[]error{ews.ErrTooLarge, ews.ErrBadResponse, ews.ErrNotFound, ews.ErrBadItem}, false},
		{"endless error values", endless(`<s:Envelope xmlns:s="`+wire.NSSOAP+`"><s:Body><s:Fault><detail><MessageXml>`, "<Value Name='n'>v</Value>"), []error{ews.ErrTooLarge}, false},
		{"one endless tag", endless(prologue+"<t:", "a"), []error{ews.ErrTooLarge}, false},
		{"one endless attribute", endless(prologue+"<t:Subject x='", "a"), []error{ews.ErrTooLarge}, false},
		{"entities", endless(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">`, `<!ENTITY b "&a;&a;">`), []error{ews.ErrEndpoint}, false},
		{"truncation", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, prologue+"<t:Subject>x") }, []error{ews.ErrUnavailable}, false},
		{"cut in gzip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(prologue + epilogue)[:200])
		}, []error{ews.ErrUnavailable}, false},
		{"length too long", hijack(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n\r\n%s", prologue+"<t:Subject>x")
		}), []error{ews.ErrUnavailable}, false},
		{"length too short", hijack(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 300\r\n\r\n%s", prologue+epilogue)
		}), []error{ews.ErrUnavailable}, false},
		{"two lengths", hijack(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n%s", prologue+epilogue)
		}), []error{ews.ErrUnavailable}, false},
		{"bad chunks", hijack(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n%s", prologue+epilogue)
		}), []error{ews.ErrUnavailable}, false},
		{"wrong charset", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml; charset=utf-32")
			w.Write(utf32)
		}, []error{ews.ErrBadResponse, ews.ErrEndpoint}, false},
		{"declared charset", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Replace(prologue+epilogue, `encoding="utf-8"`, `encoding="utf-7"`, 1))
		}, []error{ews.ErrBadResponse}, false},
		{"unwanted packing", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "xxxx")
		}, []error{ews.ErrBadResponse}, false},
		{"endless redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		}, []error{ews.ErrEndpoint}, false},
		{"redirect to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief, http.StatusPermanentRedirect)
		}, []error{ews.ErrEndpoint}, false},
		{"endless headers", hijack(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, mb[:1000]); err != nil {
					return
				}
			}
		}), []error{ews.ErrTooLarge}, false},
		{"one endless header", hijack(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Long: ")
			for {
				if _, err := io.WriteString(c, mb); err != nil {
					return
				}
			}
		}), []error{ews.ErrTooLarge, ews.ErrUnavailable}, false},
		{"endless early answers", hijack(func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"); err != nil {
					return
				}
			}
		}), []error{ews.ErrTooLarge, ews.ErrUnavailable}, false},
		{"endless error page", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			endless("<html>", "oops ")(w, r)
		}, []error{ews.ErrUnavailable}, false},
		{"endless 401", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Bearer "+strings.Repeat(`a="`, 50_000))
			w.Header().Set("x-ms-diagnostics", strings.Repeat(`2;"`, 30_000))
			w.WriteHeader(401)
			endless("<html>", "oops ")(w, r)
		}, []error{ews.ErrUnauthorized}, false},
		{"no answer", hijack(func(c net.Conn) { io.Copy(io.Discard, c) }), []error{ews.ErrUnavailable}, true},
		{"slow drip", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, prologue+"<t:Subject>")
			for {
				if _, err := io.WriteString(w, "x"); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		}, []error{ews.ErrUnavailable}, true},
		{"stall", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, prologue+"<t:Subject>")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, []error{ews.ErrUnavailable}, true},
		{"no HTTP", hijack(func(c net.Conn) { io.WriteString(c, "220 mail.example.com ESMTP\r\n") }), []error{ews.ErrUnavailable}, false},
	}
}

// hostileServerEnv makes the test binary the hostile server, in a process of its own: what it costs is not the client's. It prints its
// URL, serves the case n at /n/..., says at /stolen how often the other host was asked, and ends with its standard input.
const hostileServerEnv = "EWS_HOSTILE_SERVER"

func init() {
	if os.Getenv(hostileServerEnv) == "" {
		return
	}
	var stolen atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	cases := hostileCases(thief.URL)
	mux := http.NewServeMux()
	mux.HandleFunc("/stolen", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, stolen.Load()) })
	mux.HandleFunc("/{n}/", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil || n < 0 || n >= len(cases) {
			http.NotFound(w, r)
			return
		}
		cases[n].handler(w, r)
	})
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	fmt.Println(srv.URL)
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// hostileServer starts it and returns its URL.
func hostileServer(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hostileServerEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}
