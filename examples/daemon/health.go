package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// healthServer serves what an operator's tools ask: may I sleep, and what does it do.
func (d *daemon) healthServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		var bad []string
		for _, f := range d.fetchers {
			st := f.Stats()
			if err := st.Healthy(time.Now(), d.stale); err != nil {
				bad = append(bad, fmt.Sprintf("%s: %v", st.Source, err))
			}
		}
		if len(bad) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		for _, line := range bad {
			fmt.Fprintln(w, line)
		}
	})
	mux.HandleFunc("GET /debug/vars", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		stats := map[string]fetcher.Stats{}
		for _, f := range d.fetchers {
			stats[f.Source()] = f.Stats()
		}
		_ = json.NewEncoder(w).Encode(stats) // the reader has gone
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
}
