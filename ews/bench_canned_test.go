package ews_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// The answers of the benchmarks' server: shaped and sized like Exchange's.

var (
	canned       sync.Map // answers by name
	cannedStates atomic.Int64
)

// cannedState stands in an answer where each request gets a state of its own.
const cannedState = "AAAAAAAAAAAAAAAA"

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
	work, gzipped := strings.CutSuffix(parts[1], "-gzip")
	answer := cannedAnswer(work, body)
	if gzipped {
		w.Header().Set("Content-Encoding", "gzip")
		key := fmt.Sprintf("%p", &answer[0])
		v, ok := canned.Load(key)
		if !ok {
			v, _ = canned.LoadOrStore(key, gzipFast(answer))
		}
		answer = v.([]byte)
	}
	if operation(body) == "SyncFolderItems" { // a state that stands still while there are more changes ends a Sync
		before, after, _ := bytes.Cut(answer, []byte(cannedState))
		_, _ = w.Write(before)
		_, _ = fmt.Fprintf(w, "%0*d", len(cannedState), cannedStates.Add(1))
		answer = after
	}
	_, _ = w.Write(answer)
}

func cannedAnswer(work string, request []byte) []byte {
	op := operation(request)
	key := work + " " + op
	if op == "FindItem" {
		offset := xmlAttribute(request, "Offset")
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

func xmlAttribute(xml []byte, name string) string {
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
	case "Subscribe":
		return response(op, success(op, "<m:SubscriptionId>S1</m:SubscriptionId>"))
	case "GetStreamingEvents":
		return cannedStream()
	case "FindItem":
		from, to, last := 0, cannedPage, "true"
		if n, err := strconv.Atoi(xmlAttribute(request, "MaxEntriesReturned")); err == nil && n < cannedPage { // two pages
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
