package autodiscover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// v2 asks the JSON service, which answers without authentication: {"Protocol":"EWS","Url":"https://..."}.
func (f *finder) v2(ctx context.Context, address string, u *url.URL) (*Result, error) {
	const name = "v2"
	for {
		q := *u
		if !strings.EqualFold(q.Query().Get("Protocol"), "EWS") || q.Query().Get("Email") == "" {
			q.RawQuery = url.Values{"Email": {address}, "Protocol": {"EWS"}}.Encode()
		}
		at := bare(u)
		a, err := f.fetch(ctx, http.MethodGet, &q, address, "", "", nil)
		if err != nil {
			return nil, f.fail(name, at, err)
		}
		if isRedirect(a.status) {
			if u, err = f.next(&q, a); err != nil {
				return nil, f.fail(name, at, err)
			}
			continue
		}
		var doc struct {
			URL       string `json:"Url"`
			ErrorCode string
			Message   string `json:"ErrorMessage"`
		}
		bad := json.Unmarshal(a.body, &doc)
		switch {
		case bad == nil && doc.ErrorCode != "":
			return nil, f.fail(name, at, fmt.Errorf("%.60s: %.200s (HTTP %d)", line(doc.ErrorCode), line(doc.Message), a.status))
		case a.status != http.StatusOK:
			return nil, f.fail(name, at, refused(a))
		case bad != nil || doc.URL == "":
			return nil, f.fail(name, at, errors.New("the answer is not Autodiscover's"))
		}
		return f.endpoint(name, at, doc.URL)
	}
}
