package azureoauth

import (
	"errors"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// pageData is what the built-in pages show. All of it is escaped by the template.
type pageData struct {
	Title, Text, Detail, Link, LinkText string
}

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title></head>
<body><h1>{{.Title}}</h1><p>{{.Text}}</p>{{if .Detail}}<p><small>{{.Detail}}</small></p>{{end}}{{if .Link}}<p><a href="{{.Link}}">{{.LinkText}}</a></p>{{end}}</body></html>
`))

var (
	page404      = pageData{Title: "Not here", Text: "This address only receives the answer of a sign-in."}
	pageStranger = pageData{Title: "Sign-in not recognised", Text: "No sign-in of this browser is waiting for this answer. Start the sign-in again."}
	pageAgain    = pageData{Title: "Already received", Text: "This answer was received before. You can close this window."}
)

func successPage(a Account, text string) pageData {
	d := pageData{Title: "Signed in", Text: text}
	if a.Username != "" {
		d.Detail = "Account: " + a.Username
	}
	return d
}

func failurePage(err error, text string) pageData {
	d := pageData{Title: "Sign-in failed", Text: adviceOf(err), Detail: err.Error() + " " + text}
	if len(d.Detail) > 1000 {
		d.Detail = cleanText(d.Detail, nil, 1000)
	}
	return d
}

// adviceOf is what a person can do about an error.
func adviceOf(err error) string {
	var a interface{ Advice() string }
	if asError(err, &a) {
		return a.Advice()
	}
	return "Start the sign-in again."
}

// pageHeaders keep the page from being cached, framed, sniffed, and from telling the next site the URL with the code.
func pageHeaders(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

func writePage(w http.ResponseWriter, status int, d pageData) {
	pageHeaders(w.Header())
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, d)
}

// callbackValues reads an authorization response by GET (query) or POST (form_post) on path; a status other than 0 is the
// refusal.
func callbackValues(w http.ResponseWriter, r *http.Request, path string) (url.Values, int) {
	if path == "" {
		path = "/"
	}
	if r.URL.Path != path {
		return nil, http.StatusNotFound
	}
	switch r.Method {
	case http.MethodGet:
		if len(r.URL.RawQuery) > 4*maxParam {
			return nil, http.StatusRequestURITooLong
		}
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, http.StatusBadRequest
		}
		return q, 0
	case http.MethodPost:
		mt, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if !strings.EqualFold(mt, "application/x-www-form-urlencoded") {
			return nil, http.StatusUnsupportedMediaType
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4*maxParam)
		if err := r.ParseForm(); err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return nil, http.StatusRequestEntityTooLarge
			}
			return nil, http.StatusBadRequest
		}
		return r.PostForm, 0
	}
	w.Header().Set("Allow", "GET, POST")
	return nil, http.StatusMethodNotAllowed
}
