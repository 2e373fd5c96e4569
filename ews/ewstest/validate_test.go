package ewstest_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

var inBody = regexp.MustCompile(`(?s)<soap:Body>\s*(.*?)\s*</soap:Body>`)

// TestGoldenRequestsAreAnswered: every request that package ews makes is understood, and answered as the schema says, whether it can be
// fulfilled, fails item by item, or fails as a whole.
func TestGoldenRequestsAreAnswered(t *testing.T) {
	files, err := filepath.Glob("../testdata/requests/*.xml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	asked := map[string]bool{}
	f := start(t, &ewstest.Options{NoGzip: true})
	f.AddMailbox("team@example.com").Grant(us)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		body := string(inBody.FindSubmatch(b)[1])
		op, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(file), ""), "-")
		if op == "getstreamingevents" {
			continue // does not end by itself
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			for name, do := range map[string]*ewstest.Effect{"as it is": nil, "failed items": new(ewstest.ResponseError("ErrorInternalServerError", "")), "fault": new(ewstest.BusyFault(0))} {
				if do != nil {
					f.Fault(ewstest.Fault{Do: *do})
				}
				_, answer, err := f.post(t, body)
				require.NoError(t, err, name)
				require.NotContains(t, string(answer), "ErrorSchemaValidation", name)
				require.NotContains(t, string(answer), "ewstest does not know", name)
				f.ClearFaults()
			}
			r := f.Requests()
			asked[r[len(r)-1].Operation] = true
		})
	}
	require.Greater(t, len(asked), 30, "%v", asked)
}

// unvalidated returns the operations of which no test got an answer that succeeded, out of the answers that are kept.
func unvalidated(files []string) (missing []string) {
	seen := map[string]bool{}
	element := regexp.MustCompile(`<(?:[a-zA-Z]+:)?([A-Za-z]+?)Response(?:Message)?[ >]`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(b, []byte("NoError")) {
			continue
		}
		for _, m := range element.FindAllSubmatch(b, -1) {
			seen[string(m[1])] = true
		}
	}
	for _, op := range ewstest.Operations() {
		if !seen[op] && !seen[strings.TrimSuffix(op, "Request")] {
			missing = append(missing, op)
		}
	}
	return missing
}

// reportUnvalidated says which operations no test has had validated; it counts when all tests have run.
func reportUnvalidated(files []string) int {
	missing := unvalidated(files)
	if len(missing) == 0 {
		return 0
	}
	fmt.Printf("no successful answer of these operations was validated: %s\n", strings.Join(missing, " "))
	return 1
}

// TestRareAnswers: operations whose answers no other test here gets.
func TestRareAnswers(t *testing.T) {
	f := start(t, nil)
	f.mb.EnableArchive()
	f.mb.AddFolder("Old")
	id := f.deliver(t, "From: ann@example.org\nSubject: with file\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nSee.\n--B\nContent-Type: application/octet-stream; name=a.bin\nContent-Disposition: attachment; filename=a.bin\n\nx\n--B--\n")
	e := f.do(t, getItem(allProperties, id))
	attachment, conversation := e.at("AttachmentId").attr("Id"), e.at("ConversationId").attr("Id")
	persona := f.do(t, `<m:FindPeople><m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/><m:ParentFolderId><t:DistinguishedFolderId Id="directory"/></m:ParentFolderId><m:QueryString>support</m:QueryString></m:FindPeople>`).at("PersonaId").attr("Id")
	require.NotEmpty(t, persona)
	named := `<t:UserConfigurationName Name="N"><t:DistinguishedFolderId Id="drafts"/></t:UserConfigurationName>`
	sub := f.do(t, `<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds>`+inbox+`</t:FolderIds><t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes><t:Timeout>10</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`).text("SubscriptionId")
	for _, body := range []string{
		`<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="` + attachment + `"/></m:AttachmentIds></m:DeleteAttachment>`,
		`<m:ApplyConversationAction><m:ConversationActions><t:ConversationAction><t:Action>SetReadState</t:Action><t:ConversationId Id="` + conversation + `"/><t:IsRead>true</t:IsRead></t:ConversationAction></m:ConversationActions></m:ApplyConversationAction>`,
		`<m:ArchiveItem><m:ArchiveSourceFolderId>` + inbox + `</m:ArchiveSourceFolderId><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:ArchiveItem>`,
		`<m:CopyFolder><m:ToFolderId>` + inbox + `</m:ToFolderId><m:FolderIds><t:DistinguishedFolderId Id="drafts"/></m:FolderIds></m:CopyFolder>`,
		`<m:GetPersona><m:PersonaId Id="` + persona + `"/></m:GetPersona>`,
		`<m:CreateUserConfiguration><m:UserConfiguration>` + named + `<t:XmlData>PGEvPg==</t:XmlData></m:UserConfiguration></m:CreateUserConfiguration>`,
		`<m:UpdateUserConfiguration><m:UserConfiguration>` + named + `<t:XmlData>PGIvPg==</t:XmlData></m:UserConfiguration></m:UpdateUserConfiguration>`,
		`<m:GetUserConfiguration><m:UserConfigurationName Name="N"><t:DistinguishedFolderId Id="drafts"/></m:UserConfigurationName><m:UserConfigurationProperties>All</m:UserConfigurationProperties></m:GetUserConfiguration>`,
		`<m:Unsubscribe><m:SubscriptionId>` + sub + `</m:SubscriptionId></m:Unsubscribe>`,
	} {
		require.Equal(t, []string{"NoError"}, f.do(t, body).codes(), body)
	}
	moved, ok := f.mb.Folder("archiveinbox")
	require.True(t, ok)
	require.Equal(t, 1, moved.Total)
}
