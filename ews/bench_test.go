package ews_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// The benchmarks run against a server in a process of its own on loopback, which sends Exchange-shaped answers from memory. Each has
// three clients of the same answers: drain only reads the bytes, ews is this package, encodingxml decodes into structs with the
// standard library. cpu-s/op is this process's CPU time; compare it as a ratio to drain in the same run.

// benchServerEnv makes the test binary a canned server: it prints its address and serves until its input ends.
const benchServerEnv = "EWS_BENCH_SERVER"

func init() {
	if os.Getenv(benchServerEnv) == "" {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() { _ = http.Serve(l, http.HandlerFunc(serveCanned)) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// benchServer starts the canned server and returns its endpoint for a work, which is part of the path.
func benchServer(b *testing.B, work string) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServerEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	addr := make([]byte, 64)
	n, err := out.Read(addr)
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(string(addr[:n])) + "/" + work + "/EWS/Exchange.asmx"
}

var canned sync.Map // answers by name

func serveCanned(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if size, ok := strings.CutPrefix(parts[1], "rss-"); ok {
		n, _ := strconv.ParseInt(size, 10, 64)
		serveRSS(w, r, n)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if strings.HasSuffix(parts[1], "20ms") {
		time.Sleep(20 * time.Millisecond)
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(cannedAnswer(parts[1], body))
}

func cannedAnswer(work string, request []byte) []byte {
	op := operation(request)
	key := work + " " + op
	if op == "FindItem" {
		offset := attribute(request, "Offset")
		if bytes.Contains(request, []byte("<m:Restriction>")) {
			offset = "last"
		}
		key += " " + offset
	}
	if op == "GetItem" {
		key += " " + strconv.Itoa(bytes.Count(request, []byte("<t:ItemId ")))
	}
	if v, ok := canned.Load(key); ok {
		return v.([]byte)
	}
	v := makeCanned(work, op, request)
	canned.Store(key, v)
	return v
}

func attribute(xml []byte, name string) string {
	_, rest, _ := bytes.Cut(xml, []byte(name+`="`))
	v, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(v)
}

func response(op string, messages ...string) []byte {
	return []byte(envelope("<m:" + op + "Response><m:ResponseMessages>" + strings.Join(messages, "") + "</m:ResponseMessages></m:" + op + "Response>"))
}

func success(op, content string) string {
	return "<m:" + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + content + "</m:" + op + "ResponseMessage>"
}

func cannedID(i int) string {
	return fmt.Sprintf("AAMkAGZhNTc0MDI0LWEwZmUtNDQ4Ny04MzZmLTkwODY0M2QwMDg5YQBGAAAAAAD%040dAAA=", i)
}

// cannedNewest is when the first of the canned messages was received; each further one is a minute older.
var cannedNewest = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func cannedSummary(i int) string {
	at := cannedNewest.Add(-time.Duration(i) * time.Minute).Format("2006-01-02T15:04:05Z")
	return `<t:Message><t:ItemId Id="` + cannedID(i) + `" ChangeKey="CQAAABYAAADt7vL8dVRiQJfZHoHnvuBHAAB2Sz3w"/>` +
		`<t:ParentFolderId Id="AAMkAGZhNTc0MDI0LWEwZmUtNDQ4Ny04MzZmLTkwODY0M2QwMDg5YQAuAAAAAADKmlabBbaoSaKO7rnmTpbsAQDt7vL8dVRiQJfZHoHnvuBHAAAAAAEMAAA=" ChangeKey="AQAAAA=="/>` +
		`<t:ItemClass>IPM.Note</t:ItemClass><t:Subject>RE: [Ticket #` + strconv.Itoa(100000+i) + `] Printer on floor 3 &amp; scanner do not answer any more</t:Subject>` +
		`<t:Sensitivity>Normal</t:Sensitivity><t:DateTimeReceived>` + at + `</t:DateTimeReceived><t:Size>` + strconv.Itoa(20000+i%1000) + `</t:Size>` +
		`<t:Importance>Normal</t:Importance><t:InReplyTo>&lt;CAF` + strconv.Itoa(i) + `@mail.example.com&gt;</t:InReplyTo><t:IsDraft>false</t:IsDraft>` +
		`<t:DateTimeSent>` + at + `</t:DateTimeSent><t:DateTimeCreated>` + at + `</t:DateTimeCreated><t:HasAttachments>false</t:HasAttachments>` +
		`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/><t:Value>7e7y/HVUYkCX2R6B577gRwAA` + fmt.Sprintf("%08d", i) + `</t:Value></t:ExtendedProperty>` +
		`<t:LastModifiedTime>` + at + `</t:LastModifiedTime><t:ConversationId Id="AAQkAGZhNTc0MDI0LWEwZmUtNDQ4Ny04MzZmLTkwODY0M2QwMDg5YQAQAE` + fmt.Sprintf("%08d", i/3) + `"/>` +
		`<t:Preview>Hello, since this morning the printer on floor 3 does not answer. We tried to switch it off and on again.</t:Preview>` +
		`<t:Sender><t:Mailbox><t:Name>Ann Example</t:Name><t:EmailAddress>ann` + strconv.Itoa(i%100) + `@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>OneOff</t:MailboxType></t:Mailbox></t:Sender>` +
		`<t:ConversationIndex>AQHbMNPAfN4Jd2u0s0eUeC6mWQ1YzA==</t:ConversationIndex><t:ConversationTopic>[Ticket #` + strconv.Itoa(100000+i) + `] Printer on floor 3</t:ConversationTopic>` +
		`<t:From><t:Mailbox><t:Name>Ann Example</t:Name><t:EmailAddress>ann` + strconv.Itoa(i%100) + `@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>OneOff</t:MailboxType></t:Mailbox></t:From>` +
		`<t:InternetMessageId>&lt;CAF` + strconv.Itoa(i+1) + `@mail.example.com&gt;</t:InternetMessageId><t:IsRead>true</t:IsRead><t:References>&lt;CAF` + strconv.Itoa(i) + `@mail.example.com&gt;</t:References></t:Message>`
}

// cannedPage is the largest page, so that a work of 10,000 is 10 requests.
const cannedPage = 1000

func makeCanned(work, op string, request []byte) []byte {
	var b strings.Builder
	switch op {
	case "SyncFolderItems":
		return cannedChanges()
	case "FindItem":
		from, to, last := 0, cannedPage, "true"
		if n, err := strconv.Atoi(attribute(request, "MaxEntriesReturned")); err == nil && n < cannedPage { // two pages
			if bytes.Contains(request, []byte("<m:Restriction>")) {
				from = n
			} else {
				to, last = n, "false"
			}
		}
		for i := from; i < to; i++ {
			b.WriteString(cannedSummary(i))
		}
		return response(op, success(op, `<m:RootFolder IndexedPagingOffset="1000" TotalItemsInView="1000" IncludesLastItemInRange="`+last+`"><t:Items>`+b.String()+`</t:Items></m:RootFolder>`))
	case "GetItem":
		n := bytes.Count(request, []byte("<t:ItemId "))
		var all []string
		for i := range n {
			switch work {
			case "mime":
				all = append(all, success(op, `<m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">`+base64.StdEncoding.EncodeToString(random(100_000))+`</t:MimeContent><t:ItemId Id="`+cannedID(i)+`" ChangeKey="CQ"/></t:Message></m:Items>`))
			default:
				all = append(all, success(op, "<m:Items>"+strings.Replace(cannedSummary(i), "<t:DateTimeReceived>", cannedBody+"<t:DateTimeReceived>", 1)+"</m:Items>"))
			}
		}
		return response(op, all...)
	case "GetAttachment":
		size, _ := strconv.Atoi(work)
		return response(op, success(op, `<m:Attachments><t:FileAttachment><t:AttachmentId Id="A"/><t:Name>a.bin</t:Name><t:Content>`+base64.StdEncoding.EncodeToString(random(size))+`</t:Content></t:FileAttachment></m:Attachments>`))
	case "CreateItem":
		return response(op, success(op, `<m:Items><t:Message><t:ItemId Id="`+cannedID(1)+`" ChangeKey="CQ"/></t:Message></m:Items>`))
	}
	return response(op, success(op, ""))
}

// cannedBody is an HTML body of 26 kB as Outlook writes them, escaped.
var cannedBody = func() string {
	var b strings.Builder
	b.WriteString("<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body lang=\"DE\">\r\n")
	for i := 0; b.Len() < 24_000; i++ {
		fmt.Fprintf(&b, "<p class=\"MsoNormal\"><span style=\"font-size:11.0pt;font-family:&quot;Calibri&quot;,sans-serif\">Guten Tag, der Drucker im dritten Stock antwortet seit heute früh nicht mehr (%d).</span></p>\r\n", i)
	}
	var w wire.Writer
	w.Leaf("t:Body", b.String()+"</body></html>", "BodyType", "HTML", "IsTruncated", "false")
	return string(w.Bytes())
}()

func random(n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(b)
	return b
}

func benchClient(b *testing.B, endpoint string) *ews.Client {
	b.Helper()
	c, err := ews.NewClient(ews.Config{Endpoint: endpoint, AllowLoopbackHTTP: true,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)}))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// plain is the client of drain and encodingxml: the same request, no gzip.
func plainPost(b *testing.B, client *http.Client, endpoint, request string) io.ReadCloser {
	b.Helper()
	resp, err := client.Post(endpoint, "text/xml; charset=utf-8", strings.NewReader(request))
	if err != nil {
		b.Fatal(err)
	}
	return resp.Body
}

func plainHTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 27}}
}

// measureCPU runs one client of a work: bytes are those on the wire.
func measureCPU(b *testing.B, bytes int64, work func()) {
	work() // the server makes its answer, connections are opened
	b.SetBytes(bytes)
	b.ReportAllocs()
	start := cpuTime()
	b.ResetTimer()
	for b.Loop() {
		work()
	}
	b.ReportMetric((cpuTime()-start).Seconds()/float64(b.N), "cpu-s/op")
}

func drainBody(b *testing.B, body io.ReadCloser) int64 {
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body}, drainBuffer)
	if err != nil {
		b.Fatal(err)
	}
	body.Close()
	return n
}

var drainBuffer = make([]byte, 64<<10)

func soapRequest(body string) string {
	return `<?xml version="1.0"?><soap:Envelope xmlns:soap="` + wire.NSSOAP + `" xmlns:t="` + wire.NSTypes + `" xmlns:m="` + wire.NSMessages + `"><soap:Body>` + body + `</soap:Body></soap:Envelope>`
}

// xmlMessage is what a client on encoding/xml declares.
type xmlMessage struct {
	ItemID struct {
		ID        string `xml:"Id,attr"`
		ChangeKey string `xml:"ChangeKey,attr"`
	} `xml:"ItemId"`
	MimeContent       string `xml:"MimeContent"`
	Class             string `xml:"ItemClass"`
	Subject           string
	Body              string
	DateTimeReceived  time.Time
	DateTimeSent      time.Time
	DateTimeCreated   time.Time
	Size              int64
	Importance        string
	InReplyTo         string
	IsDraft           bool
	HasAttachments    bool
	Preview           string
	Sender            xmlMailbox `xml:"Sender>Mailbox"`
	From              xmlMailbox `xml:"From>Mailbox"`
	ConversationTopic string
	InternetMessageID string `xml:"InternetMessageId"`
	IsRead            bool
	References        string
	ExtendedProperty  []struct {
		Value string
	}
}

type xmlMailbox struct{ Name, EmailAddress, RoutingType string }

type xmlAnswer struct {
	Body struct {
		Find struct {
			Items []xmlMessage `xml:"ResponseMessages>FindItemResponseMessage>RootFolder>Items>Message"`
		} `xml:"FindItemResponse"`
		Get struct {
			Items []xmlMessage `xml:"ResponseMessages>GetItemResponseMessage>Items>Message"`
		} `xml:"GetItemResponse"`
		Attachment struct {
			Content string `xml:"ResponseMessages>GetAttachmentResponseMessage>Attachments>FileAttachment>Content"`
		} `xml:"GetAttachmentResponse"`
	} `xml:"Body"`
}

func BenchmarkList10000(b *testing.B) {
	endpoint := benchServer(b, "list")
	request := soapRequest(`<m:FindItem><m:IndexedPageItemView Offset="0"/></m:FindItem>`)
	client := plainHTTP()
	size := drainBody(b, plainPost(b, client, endpoint, request)) * 10
	b.Run("drain", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range 10 {
				drainBody(b, plainPost(b, client, endpoint, request))
			}
		})
	})
	b.Run("ews", func(b *testing.B) {
		m := benchClient(b, endpoint).Own()
		measureCPU(b, size, func() {
			for range 10 {
				n := 0
				for msg, err := range m.Messages(context.Background(), ews.Inbox, &ews.Query{Detail: ews.Summary, PageSize: 1000}) {
					if err != nil || msg.Subject == "" {
						b.Fatal(err)
					}
					n++
				}
				if n != 1000 {
					b.Fatal(n)
				}
			}
		})
	})
	b.Run("encodingxml", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range 10 {
				var v xmlAnswer
				body := plainPost(b, client, endpoint, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Body.Find.Items) != 1000 {
					b.Fatal(err, len(v.Body.Find.Items))
				}
				body.Close()
			}
		})
	})
}

func BenchmarkHTMLBodies1000(b *testing.B) {
	endpoint := benchServer(b, "html")
	request := soapRequest(`<m:GetItem>` + strings.Repeat("<t:ItemId />", 100) + `</m:GetItem>`)
	client := plainHTTP()
	size := drainBody(b, plainPost(b, client, endpoint, request)) * 10
	b.Run("drain", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range 10 {
				drainBody(b, plainPost(b, client, endpoint, request))
			}
		})
	})
	b.Run("ews", func(b *testing.B) {
		m := benchClient(b, endpoint).Own()
		measureCPU(b, size, func() {
			n := 0
			for msg, err := range m.Messages(context.Background(), ews.Inbox, &ews.Query{PageSize: 1000}) {
				if err != nil || len(msg.Body.Text) < 20000 {
					b.Fatal(err)
				}
				n++
			}
			if n != 1000 {
				b.Fatal(n)
			}
		})
	})
	b.Run("encodingxml", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range 10 {
				var v xmlAnswer
				body := plainPost(b, client, endpoint, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Body.Get.Items) != 100 {
					b.Fatal(err, len(v.Body.Get.Items))
				}
				body.Close()
			}
		})
	})
}

func benchAttachment(b *testing.B, bytes int) {
	endpoint := benchServer(b, strconv.Itoa(bytes))
	request := soapRequest(`<m:GetAttachment/>`)
	client := plainHTTP()
	size := drainBody(b, plainPost(b, client, endpoint, request))
	b.Run("drain", func(b *testing.B) {
		measureCPU(b, size, func() { drainBody(b, plainPost(b, client, endpoint, request)) })
	})
	b.Run("drain+base64", func(b *testing.B) { // what the standard library's decoder adds
		buf := []byte(base64.StdEncoding.EncodeToString(random(48 << 10)))
		out := make([]byte, len(buf))
		measureCPU(b, size, func() {
			drainBody(b, plainPost(b, client, endpoint, request))
			for left := size; left > 0; left -= int64(len(buf)) {
				if _, err := base64.StdEncoding.Decode(out, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("ews", func(b *testing.B) {
		m := benchClient(b, endpoint).Own()
		measureCPU(b, size, func() {
			r, err := m.Attachment(context.Background(), ews.AttachmentID{ID: "A"})
			if err != nil {
				b.Fatal(err)
			}
			if n := drainBody(b, r); n != int64(bytes) {
				b.Fatal(n)
			}
		})
	})
	b.Run("encodingxml", func(b *testing.B) {
		measureCPU(b, size, func() {
			var v xmlAnswer
			body := plainPost(b, client, endpoint, request)
			if err := xml.NewDecoder(body).Decode(&v); err != nil {
				b.Fatal(err)
			}
			body.Close()
			if out, err := base64.StdEncoding.DecodeString(v.Body.Attachment.Content); err != nil || len(out) != bytes {
				b.Fatal(err)
			}
		})
	})
}

func BenchmarkAttachment25MB(b *testing.B)  { benchAttachment(b, 25_000_000) }
func BenchmarkAttachment150MB(b *testing.B) { benchAttachment(b, 150_000_000) }

// BenchmarkBodies1000Latency20ms is wall time against a server that answers after 20 ms.
func BenchmarkBodies1000Latency20ms(b *testing.B) {
	endpoint := benchServer(b, "html20ms")
	b.Run("ews", func(b *testing.B) {
		m := benchClient(b, endpoint).Own()
		work := func() {
			n := 0
			for msg, err := range m.Messages(context.Background(), ews.Inbox, nil) {
				if err != nil || len(msg.Body.Text) < 20000 {
					b.Fatal(err)
				}
				n++
			}
			if n != 1000 {
				b.Fatal(n)
			}
		}
		measureCPU(b, 26_000_000, work)
	})
}

// BenchmarkCreateItem1000 stores a thousand drafts, one request each.
func BenchmarkCreateItem1000(b *testing.B) {
	endpoint := benchServer(b, "create")
	c := benchClient(b, endpoint)
	item := `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="drafts"/></m:SavedItemFolderId><m:Items><t:Message><t:Subject>RE: [Ticket #1]</t:Subject><t:Body BodyType="HTML">` +
		strings.Repeat("&lt;p&gt;Thank you for your message.&lt;/p&gt;", 20) + `</t:Body><t:ToRecipients><t:Mailbox><t:EmailAddress>ann@example.com</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>`
	request := soapRequest(item)
	b.Run("drain", func(b *testing.B) { // a bare POST of the same request
		client := plainHTTP()
		measureCPU(b, int64(len(request))*1000, func() {
			for range 1000 {
				drainBody(b, plainPost(b, client, endpoint, request))
			}
		})
	})
	b.Run("ews", func(b *testing.B) {
		draft := ews.NewDraftForBench(strings.Repeat("<p>Thank you for your message.</p>", 20))
		m := c.Own()
		measureCPU(b, int64(len(request))*1000, func() {
			for range 1000 {
				if err := m.CreateForBench(context.Background(), draft); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("encodingxml", func(b *testing.B) {
		client := plainHTTP()
		measureCPU(b, int64(len(request))*1000, func() {
			for range 1000 {
				out, err := xml.Marshal(xmlCreate{Disposition: "SaveOnly", Subject: "RE: [Ticket #1]", Body: strings.Repeat("<p>Thank you for your message.</p>", 20), To: "ann@example.com"})
				if err != nil {
					b.Fatal(err)
				}
				var v xmlAnswer
				body := plainPost(b, client, endpoint, soapRequest(string(out)))
				if err := xml.NewDecoder(body).Decode(&v); err != nil {
					b.Fatal(err)
				}
				body.Close()
			}
		})
	})
}

type xmlCreate struct {
	XMLName     xml.Name `xml:"m:CreateItem"`
	Disposition string   `xml:"MessageDisposition,attr"`
	Subject     string   `xml:"m:Items>t:Message>t:Subject"`
	Body        string   `xml:"m:Items>t:Message>t:Body"`
	To          string   `xml:"m:Items>t:Message>t:ToRecipients>t:Mailbox>t:EmailAddress"`
}

func BenchmarkMIME1000x100kB(b *testing.B) {
	endpoint := benchServer(b, "mime")
	request := soapRequest(`<m:GetItem><t:ItemId /></m:GetItem>`)
	client := plainHTTP()
	size := drainBody(b, plainPost(b, client, endpoint, request)) * 1000
	b.Run("drain", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range 1000 {
				drainBody(b, plainPost(b, client, endpoint, request))
			}
		})
	})
	b.Run("ews", func(b *testing.B) {
		m := benchClient(b, endpoint).Own()
		measureCPU(b, size, func() {
			for range 1000 {
				r, err := m.MIME(context.Background(), ews.ItemID{ID: "A"})
				if err != nil {
					b.Fatal(err)
				}
				if n := drainBody(b, r); n != 100_000 {
					b.Fatal(n)
				}
			}
		})
	})
	b.Run("encodingxml", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range 1000 {
				var v xmlAnswer
				body := plainPost(b, client, endpoint, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil {
					b.Fatal(err)
				}
				body.Close()
				if out, err := base64.StdEncoding.DecodeString(v.Body.Get.Items[0].MimeContent); err != nil || len(out) != 100_000 {
					b.Fatal(err)
				}
			}
		})
	})
}
