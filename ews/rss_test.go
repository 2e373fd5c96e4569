package ews_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The peak memory of a whole program: internal/peak runs against the canned server, each in a process of its own, and prints the
// largest resident set it had (VmHWM of /proc/self/status). The growth is what ten times the work takes more.

// serveRSS answers the jobs without holding their size in memory itself.
func serveRSS(w http.ResponseWriter, r *http.Request, size int64) {
	head, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	op := ""
	if _, rest, ok := bytes.Cut(head, []byte("<m:")); ok {
		op = string(rest[:bytes.IndexAny(rest, " >")])
	}
	switch op {
	case "GetAttachment":
		whole := string(response(op, success(op, `<m:Attachments><t:FileAttachment><t:Content>@</t:Content></t:FileAttachment></m:Attachments>`)))
		before, after, _ := strings.Cut(whole, "@")
		_, _ = io.WriteString(w, before)
		chunk := strings.Repeat("QUJD", 16<<10)
		for left := size / 3 * 4; left > 0; left -= int64(len(chunk)) {
			if _, err := io.WriteString(w, chunk[:min(int64(len(chunk)), left)]); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, after)
	case "FindItem":
		page, _ := strconv.Atoi(xmlAttribute(head, "MaxEntriesReturned"))
		from := 0
		if _, rest, ok := bytes.Cut(head, []byte(`<t:Constant Value="`)); ok { // messages stand a minute apart
			at, err := time.Parse("2006-01-02T15:04:05Z", string(rest[:20]))
			if err != nil {
				return
			}
			from = int((cannedNewest.Sub(at) + time.Second) / time.Minute)
		}
		last := from+page >= int(size)
		_, _ = fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body><m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView="%d" IncludesLastItemInRange="%v"><t:Items>`, size, last)
		for i := from; i < min(from+page, int(size)); i++ {
			_, _ = io.WriteString(w, cannedSummary(i))
		}
		_, _ = io.WriteString(w, `</t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>`)
	default:
		content, _ := goldenAnswer(op)
		_, _ = w.Write(response(op, success(op, content)))
	}
}

func benchRSS(b *testing.B, job string, size int64) {
	if runtime.GOOS != "linux" {
		b.Skip("the peak is read from /proc")
	}
	endpoint := benchServer(b, "rss-"+strconv.FormatInt(size, 10))
	program := filepath.Join(b.TempDir(), "peak")
	if out, err := exec.Command("go", "build", "-o", program, "./internal/peak").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var peak float64
	for b.Loop() {
		out, err := exec.Command(program, job, strconv.FormatInt(size, 10), endpoint).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		kb, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			b.Fatalf("%s", out)
		}
		peak = max(peak, kb/1024)
	}
	b.ReportMetric(peak, "peak-RSS-MB")
}

func BenchmarkRSSDownload100MB(b *testing.B) { benchRSS(b, "download", 100_000_002) }
func BenchmarkRSSDownload1GB(b *testing.B)   { benchRSS(b, "download", 1_000_000_002) }
func BenchmarkRSSUpload100MB(b *testing.B)   { benchRSS(b, "upload", 100_000_000) }
func BenchmarkRSSUpload1GB(b *testing.B)     { benchRSS(b, "upload", 1_000_000_000) }
func BenchmarkRSSList20000(b *testing.B)     { benchRSS(b, "list", 20_000) }
func BenchmarkRSSList200000(b *testing.B)    { benchRSS(b, "list", 200_000) }
