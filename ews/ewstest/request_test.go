package ewstest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestSchemaValidation holds requests that a real server refuses before it looks at them.
func TestSchemaValidation(t *testing.T) {
	f := start(t, nil)
	const ids = `<m:ItemIds><t:ItemId Id="x"/></m:ItemIds>`
	for name, body := range map[string]string{
		"wrong order":           `<m:GetItem>` + ids + `<m:ItemShape>` + idOnly + `</m:ItemShape></m:GetItem>`,
		"missing part":          `<m:GetItem><m:ItemShape>` + idOnly + `</m:ItemShape></m:GetItem>`,
		"unknown element":       `<m:GetItem><m:ItemShape>` + idOnly + `</m:ItemShape>` + ids + `<m:More/></m:GetItem>`,
		"wrong namespace":       `<m:GetItem><m:ItemShape>` + idOnly + `</m:ItemShape><t:ItemIds><t:ItemId Id="x"/></t:ItemIds></m:GetItem>`,
		"bad enumeration":       `<m:GetItem><m:ItemShape><t:BaseShape>Everything</t:BaseShape></m:ItemShape>` + ids + `</m:GetItem>`,
		"missing attribute":     `<m:GetItem><m:ItemShape>` + idOnly + `</m:ItemShape><m:ItemIds><t:ItemId/></m:ItemIds></m:GetItem>`,
		"bad distinguished":     `<m:GetFolder><m:FolderShape>` + idOnly + `</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="mybox"/></m:FolderIds></m:GetFolder>`,
		"bad integer":           findItem("", `<m:IndexedPageItemView MaxEntriesReturned="0" Offset="0" BasePoint="Beginning"/>`, ""),
		"message fields first":  createItem("SaveOnly", `<t:Message>`+to("a@b.c")+`<t:Subject>x</t:Subject></t:Message>`),
		"sync page too big":     syncItems("", 513),
		"two operations":        getFolder + getFolder,
		"empty body":            ``,
		"unknown operation":     `<t:Dance/>`,
		"one operand":           findItem("", "", `<m:Restriction><t:And><t:Exists>`+subjectField+`</t:Exists></t:And></m:Restriction>`),
		"illegal character":     getItem(idOnly, "a\x01"),
		"base64 of nothing":     `<m:CreateAttachment><m:ParentItemId Id="x"/><m:Attachments><t:FileAttachment><t:Name>x</t:Name><t:Content>***</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>`,
		"not even XML":          `<m:GetItem`,
		"property type missing": getItem(idOnly+`<t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x0E07"/></t:AdditionalProperties>`, "x"),
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, "ErrorSchemaValidation", f.fault(t, body)) })
	}
	r := f.request(t, getFolder)
	r.Body = io.NopCloser(strings.NewReader(strings.Replace(fmt.Sprintf(envelope, "", getFolder), "Exchange2013_SP1", "Exchange13", 1)))
	r.ContentLength = -1
	resp, err := f.http.Do(r)
	require.NoError(t, err)
	require.Contains(t, readAll(t, resp), "ErrorInvalidServerVersion")
	require.Equal(t, "ErrorInvalidRequest", f.fault(t, `<m:GetClientAccessToken/>`), "an operation that exists but not here")
}

// TestSampleRequests feeds requests from Microsoft's documentation through the checks: what the official schema allows must not be refused.
func TestSampleRequests(t *testing.T) {
	dir, xsd := shared("samples"), shared("schema/soap-request.xsd")
	lint, err := exec.LookPath("xmllint")
	if dir == "" || xsd == "" || err != nil {
		t.Skip("the samples, the schema or xmllint are missing")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.request.xml"))
	require.NoError(t, err)
	out, _ := exec.Command(lint, append([]string{"--noout", "--schema", xsd}, files...)...).CombinedOutput()
	f := start(t, nil)
	valid, refused := 0, 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		ok := bytes.Contains(out, []byte(file+" validates"))
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/EWS/Exchange.asmx", bytes.NewReader(raw))
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		body := w.Body.Bytes()
		keep(t, body)
		violation := bytes.Contains(body, []byte(">ErrorSchemaValidation<"))
		if ok {
			valid++
			if violation {
				t.Errorf("%s is valid but refused: %s", filepath.Base(file), parse(t, body).text("Violation"))
			}
		} else if violation {
			refused++
		}
	}
	require.Greater(t, valid, 80)
	t.Logf("%d valid requests let through, %d invalid ones refused", valid, refused)
}

func TestStylesCarryTheSame(t *testing.T) {
	var codes []string
	for _, style := range []ewstest.Style{ewstest.StyleS, ewstest.StyleSoap, ewstest.StyleDefaultNS} {
		f := start(t, &ewstest.Options{Style: style})
		id := f.deliver(t, "From: a@b.c\nSubject: x\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nhi\n--B\nContent-Type: message/rfc822\n\nSubject: y\n\n--B--\n")
		e := f.do(t, getItem(allProperties+`<t:IncludeMimeContent>true</t:IncludeMimeContent><t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/></t:AdditionalProperties>`, id, "garbage"))
		e2 := f.do(t, `<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="`+e.at("AttachmentId").attr("Id")+`"/></m:AttachmentIds></m:GetAttachment>`)
		codes = append(codes, fmt.Sprint(e.codes(), e.texts("Subject"), e2.texts("Subject"), f.fault(t, `<m:Nothing/>`)))
	}
	require.Equal(t, codes[0], codes[1])
	require.Equal(t, codes[0], codes[2])
}

func FuzzRequest(f *testing.F) {
	for _, body := range []string{getFolder, syncItems("", 5), getItem(allProperties, "x"), createItem("SaveOnly", `<t:Message><t:MimeContent>AAAA</t:MimeContent></t:Message>`),
		findItem(subjectField, `<m:IndexedPageItemView MaxEntriesReturned="3" Offset="0" BasePoint="End"/>`, `<m:Restriction><t:Not><t:IsEqualTo>`+subjectField+`<t:FieldURIOrConstant><t:Constant Value="x"/></t:FieldURIOrConstant></t:IsEqualTo></t:Not></m:Restriction>`),
		update("x", "", `ConflictResolution="AutoResolve"`, setField("item:Subject", `<t:Subject>x</t:Subject>`)), subscribe("PullSubscriptionRequest", "<t:Timeout>1</t:Timeout>")} {
		f.Add(fmt.Sprintf(envelope, "", body))
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "GetStreamingEvents") {
			return // answers for minutes
		}
		s := ewstest.New(nil)
		defer s.Close()
		if _, err := s.AddMailbox(us).Deliver([]byte("Subject: x\r\n\r\n"), nil); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/EWS/Exchange.asmx", strings.NewReader(body))
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusInternalServerError {
			t.Errorf("status %d", w.Code)
		}
		var e element
		if err := xmlUnmarshal(w.Body.Bytes(), &e); err != nil {
			t.Errorf("the answer is no XML: %v\n%s", err, w.Body)
		}
	})
}

func FuzzDeliver(f *testing.F) {
	for _, raw := range []string{"", "Subject: x\r\n\r\nbody", "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n--B--",
		"From: =?utf-8?b?w6Q=?= <a@b>\r\nTo: \"x, y;<\r\nDate: never\r\nThread-Index: AQ==\r\n", "\x89PNG\x00\x01", "From x\r\n\tfold\r\n: y\r\n"} {
		f.Add([]byte(raw))
	}
	if dir := shared("mail"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil && len(b) < 8<<10 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := ewstest.New(nil)
		defer s.Close()
		mb := s.AddMailbox(us)
		id, err := mb.Deliver(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		it, ok := mb.Item(id.ID)
		if !ok || !bytes.Equal(it.MIME, raw) {
			t.Fatal("what came out is not what went in")
		}
		r := httptest.NewRequest(http.MethodPost, "/EWS/Exchange.asmx", strings.NewReader(fmt.Sprintf(envelope, "", getItem(allProperties, id.ID))))
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var e element
		if err := xmlUnmarshal(w.Body.Bytes(), &e); err != nil || e.text("ResponseCode") != "NoError" {
			t.Errorf("%v %s", err, w.Body)
		}
	})
}
