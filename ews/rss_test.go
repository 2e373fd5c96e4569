package ews_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// The peak memory of whole programs: each runs in a process of its own, against the canned server in another, and prints the
// largest resident set it had (VmHWM of /proc/self/status).

// rssClientEnv makes the test binary such a program: its value is the job, the size and the endpoint.
const rssClientEnv = "EWS_RSS_CLIENT"

func init() {
	job := os.Getenv(rssClientEnv)
	if job == "" {
		return
	}
	var name, endpoint string
	var size int64
	if _, err := fmt.Sscan(job, &name, &size, &endpoint); err != nil {
		panic(err)
	}
	if err := rssJob(name, size, endpoint); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.Fields(rest)[0])
	os.Exit(0)
}

func rssJob(name string, size int64, endpoint string) error {
	c, err := ews.NewClient(ews.Config{Endpoint: endpoint, AllowLoopbackHTTP: true, Limits: &ews.Limits{StreamBytes: -1},
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)}))})
	if err != nil {
		return err
	}
	m := c.Own()
	ctx := context.Background()
	switch name {
	case "download":
		r, err := m.Attachment(ctx, ews.AttachmentID{ID: "A"})
		if err != nil {
			return err
		}
		defer r.Close()
		if n, err := io.Copy(io.Discard, r); err != nil || n != size {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
	case "upload":
		content := ews.Content{Size: size, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.LimitReader(zeroes{}, size)), nil
		}}
		_, err := m.Send(ctx, &ews.Draft{To: []ews.Address{{Email: "a@example.com"}}, Attachments: []ews.Upload{{Name: "a", Content: content}}})
		return err
	case "list":
		n := int64(0)
		for _, err := range m.Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.Summary}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != size {
			return fmt.Errorf("%d messages", n)
		}
	}
	return nil
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

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
		page, _ := strconv.Atoi(attribute(head, "MaxEntriesReturned"))
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
	endpoint := benchServer(b, "rss-"+strconv.FormatInt(size, 10))
	if runtime.GOOS != "linux" {
		b.Skip("the peak is read from /proc")
	}
	var peak float64
	for b.Loop() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %s", rssClientEnv, job, size, endpoint))
		out, err := cmd.CombinedOutput()
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
