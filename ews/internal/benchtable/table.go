package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// row is one work of the first table.
type row struct {
	benchmark, work string
	goal            string // of the ratio
	over            string // what the goal's ratio is to: the unit's name
	others          [4]string
}

// The figures of other clients were measured once, on a machine of the same size (2 cores) against a canned server with the same shapes of
// answers: the best client in Go, exchangelib 4.9, ews-java-api, ews-javascript-api.
var rows = []row{
	{"List10000", "list 10,000 messages", "8", "x-io.Copy", [4]string{"0.83-0.87", "12", "3.5", "4.4"}},
	{"Sync10000", "synchronise 10,000 items", "8", "x-io.Copy", [4]string{"", "8.1", "3.7", "4.8"}},
	{"HTMLBodies1000", "1,000 HTML bodies", "5", "x-io.Copy", [4]string{"0.81-1.16", "5.5", "3.0", "1.6"}},
	{"MIME1000x100kB", "1,000 MIME messages of 100 kB, ten a request", "1.3", "x-drain+base64", [4]string{"4.1", "26", "4.0", "2.3"}},
	{"MIME1000x100kBSingly", "1,000 MIME messages of 100 kB, one a request", "1.3", "x-drain+base64", [4]string{}},
	{"Attachment25MB", "attachment of 25 MB", "1", "x-drain+base64", [4]string{"1.1", "0.143", "0.8", "0.5"}},
	{"Attachment150MB", "attachment of 150 MB", "1", "x-drain+base64", [4]string{"5.6", "0.8-1.1", "2.8", "2.7"}},
	{"Upload150MB", "attachment of 150 MB, sent", "", "x-drain+base64", [4]string{}},
	{"Events10000", "10,000 events of a stream", "", "x-drain", [4]string{}},
	{"CreateItem1000", "1,000 drafts stored", "1.1", "x-drain", [4]string{"0.21", "", "", ""}},
}

// peaks are the works whose memory is measured at two sizes.
var peaks = []struct{ large, small, work string }{
	{"RSSDownload1GB", "RSSDownload100MB", "download an attachment of 1 GB"},
	{"RSSUpload1GB", "RSSUpload100MB", "send an attachment of 1 GB"},
	{"RSSList200000", "RSSList20000", "list 200,000 messages"},
}

// write prints the tables; a figure that is missing is an error, so that half a run does not pass for a whole one.
func (f *figures) write(w io.Writer) error {
	var missing []string
	value := func(benchmark, unit string) float64 {
		v, ok := f.values[benchmark][unit]
		if !ok && !slices.Contains(missing, benchmark) {
			missing = append(missing, benchmark)
		}
		return v
	}
	var b strings.Builder
	b.WriteString("| work, in CPU seconds | drain | io.Copy | drain + base64 | **ews** | ratio (goal) | encoding/xml | allocations of ews | best Go client | exchangelib | ews-java-api | ews-javascript-api |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		copied, both := "-", "-"
		switch r.over {
		case "x-io.Copy":
			copied = digits(value(r.benchmark+"/io.Copy", "cpu-s/op"))
		case "x-drain+base64":
			both = digits(value(r.benchmark+"/drain+base64", "cpu-s/op"))
		}
		ratio := digits(value(r.benchmark+"/ews", r.over))
		if r.goal != "" {
			ratio += " (" + r.goal + ")"
		}
		if r.over == "x-io.Copy" {
			ratio += "; to drain " + digits(value(r.benchmark+"/ews", "x-drain"))
		}
		cells := []string{r.work, digits(value(r.benchmark+"/drain", "cpu-s/op")), copied, both, "**" + digits(value(r.benchmark+"/ews", "cpu-s/op")) + "**", ratio,
			digits(value(r.benchmark+"/encodingxml", "cpu-s/op")), count(value(r.benchmark+"/ews", "allocs/op"))}
		for _, o := range r.others {
			if o == "" {
				o = "-"
			}
			cells = append(cells, o)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	b.WriteString("\n| work | figure | goal |\n|---|--:|--:|\n")
	const latency = "Bodies1000Latency20ms"
	for _, l := range []struct{ contender, work string }{{"ews", "1,000 bodies by their ids"}, {"ews-listed", "1,000 bodies, listed first"}} {
		fmt.Fprintf(&b, "| %s, a server that answers after 20 ms (wall) | %s s | 0.15 |\n", l.work, digits(value(latency+"/"+l.contender, "ns/op")/1e9))
	}
	for _, p := range peaks {
		large, small := value(p.large, "peak-RSS-MB"), value(p.small, "peak-RSS-MB")
		fmt.Fprintf(&b, "| peak memory of a program: %s | %.1f MB | 24 |\n| its growth, from a tenth of it | %.1f MB | 1 |\n", p.work, large, max(0, large-small))
	}
	if len(missing) > 0 {
		return fmt.Errorf("no figures, or not all, of %s: run all of the benchmarks", strings.Join(missing, ", "))
	}
	if f.conditions != "" {
		b.WriteString("\n" + f.conditions + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// digits shows a figure with two that count, and never more than three behind the point.
func digits(v float64) string {
	switch {
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// count shows a number with commas.
func count(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
