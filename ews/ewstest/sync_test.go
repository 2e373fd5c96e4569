package ewstest_test

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func syncItems(state string, most int) string {
	if state != "" {
		state = "<m:SyncState>" + state + "</m:SyncState>"
	}
	return fmt.Sprintf(`<m:SyncFolderItems><m:ItemShape>%s<t:AdditionalProperties>%s</t:AdditionalProperties></m:ItemShape><m:SyncFolderId>%s</m:SyncFolderId>%s<m:MaxChangesReturned>%d</m:MaxChangesReturned></m:SyncFolderItems>`,
		idOnly, subjectField, inbox, state, most)
}

// changes lists what a page reports, "Create 3".
func changes(e *element) []string {
	var out []string
	for _, c := range e.at("Changes").Kids {
		out = append(out, strings.TrimSpace(c.XMLName.Local+" "+c.text("Subject")))
	}
	return out
}

func TestSyncFolderItems(t *testing.T) {
	f := start(t, nil)
	ids := map[string]string{}
	for _, s := range []string{"1", "2", "3"} {
		ids[s] = f.deliver(t, "Subject: "+s+"\n\n")
	}
	e := f.do(t, syncItems("", 2))
	require.Equal(t, []string{"Create 1", "Create 2"}, changes(e))
	require.Equal(t, "false", e.text("IncludesLastItemInRange"))
	f.mb.Remove(ids["3"]) // between two pages
	ids["4"] = f.deliver(t, "Subject: 4\n\n")
	e = f.do(t, syncItems(e.text("SyncState"), 10))
	require.Equal(t, "Create 4", changes(e)[0])
	require.Equal(t, "true", e.text("IncludesLastItemInRange"))
	state := e.text("SyncState")
	require.Empty(t, changes(f.do(t, syncItems(state, 10))))

	f.mb.SetRead(ids["1"], true)
	f.do(t, update(ids["2"], "", `ConflictResolution="AutoResolve"`, setField("item:Categories", `<t:Categories><t:String>Red</t:String></t:Categories>`)))
	_, err := f.mb.MoveTo(ids["4"], "drafts")
	require.NoError(t, err)
	gone := f.deliver(t, "Subject: came and went\n\n")
	f.mb.Remove(gone)
	e = f.do(t, syncItems(state, 10))
	require.Equal(t, []string{"ReadFlagChange", "Update 2", "Delete"}, changes(e))
	require.Equal(t, ids["4"], e.at("Delete", "ItemId").attr("Id"))
	require.Equal(t, "true", e.text("ReadFlagChange", "IsRead"))

	for _, bad := range []string{"garbage", "H4sIAAAA", state[:len(state)-8] + "AAAAAAA="} {
		require.Equal(t, []string{"ErrorInvalidSyncStateData"}, f.do(t, syncItems(bad, 10)).codes(), bad)
	}
	require.True(t, f.mb.InvalidateSyncStates("inbox"))
	require.Equal(t, []string{"ErrorInvalidSyncStateData"}, f.do(t, syncItems(state, 10)).codes())
	require.Equal(t, []string{"Create 1", "Create 2"}, changes(f.do(t, syncItems("", 10))))
}

func TestSyncIgnoresAndSeesEverything(t *testing.T) {
	f := start(t, nil)
	const n = 600
	want := map[string]bool{}
	for i := range n {
		want[f.deliver(t, fmt.Sprintf("Subject: %d\n\n", i))] = true
	}
	state, pages := "", 0
	for {
		e := f.do(t, syncItems(state, 512))
		for _, c := range e.all("Create") {
			delete(want, c.at("ItemId").attr("Id"))
		}
		state = e.text("SyncState")
		if pages++; e.text("IncludesLastItemInRange") == "true" {
			break
		}
	}
	require.Equal(t, 2, pages)
	require.Empty(t, want)
	id := f.deliver(t, "Subject: ignore me\n\n")
	body := strings.Replace(syncItems(state, 5), "<m:MaxChanges", `<m:Ignore><t:ItemId Id="`+id+`"/></m:Ignore><m:MaxChanges`, 1)
	require.Empty(t, changes(f.do(t, body)))
}

func TestSyncFolderHierarchy(t *testing.T) {
	f := start(t, nil)
	sync := func(state string) *element {
		if state != "" {
			state = "<m:SyncState>" + state + "</m:SyncState>"
		}
		return f.do(t, `<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>`+state+`</m:SyncFolderHierarchy>`)
	}
	e := sync("")
	require.Len(t, e.all("Create"), len(f.mb.Folders()))
	f.mb.AddFolder("new")
	f.deliver(t, "Subject: mail does not change the hierarchy\n\n")
	e = sync(e.text("SyncState"))
	require.Len(t, e.at("Changes").Kids, 1)
	require.Equal(t, "new", e.text("Create", "DisplayName"))
	require.NoError(t, f.mb.RemoveFolder("new"))
	e = sync(e.text("SyncState"))
	require.Len(t, e.at("Changes").Kids, 1)
	require.Len(t, e.all("Delete"), 1)
	require.Equal(t, []string{"ErrorInvalidSyncStateData"}, sync("SElFUg==garbage").codes())
}

func subscribe(kind, extra string) string {
	types := "<t:EventTypes><t:EventType>NewMailEvent</t:EventType><t:EventType>DeletedEvent</t:EventType><t:EventType>MovedEvent</t:EventType></t:EventTypes>"
	return `<m:Subscribe><m:` + kind + `><t:FolderIds>` + inbox + `</t:FolderIds>` + types + extra + `</m:` + kind + `></m:Subscribe>`
}

func TestPullSubscription(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := start(t, &ewstest.Options{Now: func() time.Time { return now }})
	e := f.do(t, subscribe("PullSubscriptionRequest", "<t:Timeout>10</t:Timeout>"))
	sid, mark := e.text("SubscriptionId"), e.text("Watermark")
	events := func() *element {
		return f.do(t, `<m:GetEvents><m:SubscriptionId>`+sid+`</m:SubscriptionId><m:Watermark>`+mark+`</m:Watermark></m:GetEvents>`)
	}
	require.Len(t, events().all("StatusEvent"), 1)
	id := f.deliver(t, "Subject: x\n\n")
	e = events()
	require.Equal(t, id, e.at("NewMailEvent", "ItemId").attr("Id"))
	require.Len(t, events().all("NewMailEvent"), 1, "not acknowledged: it comes again")
	mark = e.text("NewMailEvent", "Watermark")
	moved, err := f.mb.MoveTo(id, "drafts")
	require.NoError(t, err)
	e = events()
	require.Equal(t, id, e.at("MovedEvent", "OldItemId").attr("Id"))
	require.Equal(t, moved.ID, e.at("MovedEvent", "ItemId").attr("Id"))
	now = now.Add(11 * time.Minute)
	require.Equal(t, []string{"ErrorExpiredSubscription"}, events().codes())
	require.Equal(t, []string{"ErrorSubscriptionNotFound"}, events().codes())
}

func TestStreaming(t *testing.T) {
	f := start(t, nil)
	sid := f.do(t, subscribe("StreamingSubscriptionRequest", "")).text("SubscriptionId")
	stream := func(id string) (*http.Response, func() *element) {
		resp, err := f.http.Do(f.request(t, `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>`+id+`</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>`))
		require.NoError(t, err)
		r := bufio.NewReader(resp.Body)
		return resp, func() *element {
			var b strings.Builder
			for !strings.HasSuffix(b.String(), "Envelope>") || strings.Count(b.String(), "Envelope") < 2 {
				c, err := r.ReadByte()
				require.NoError(t, err)
				b.WriteByte(c)
			}
			keep(t, []byte(b.String()))
			var e element
			require.NoError(t, xml.Unmarshal([]byte(b.String()), &e))
			return &e
		}
	}
	resp, next := stream(sid)
	defer resp.Body.Close()
	require.Equal(t, "OK", next().text("ConnectionStatus"))
	id := f.deliver(t, "Subject: x\n\n")
	e := next()
	require.Equal(t, id, e.at("NewMailEvent", "ItemId").attr("Id"))
	require.Equal(t, "http://schemas.microsoft.com/exchange/services/2006/messages", e.at("Notification").XMLName.Space)
	f.mb.Remove(id)
	require.Len(t, next().all("DeletedEvent"), 1)
	require.Equal(t, []string{"NoError"}, f.do(t, getFolder).codes(), "a call while a stream is open")
	f.DropSubscriptions()
	e = next()
	require.Equal(t, []string{"ErrorInvalidSubscription"}, e.codes())
	require.Equal(t, []string{sid}, e.at("ErrorSubscriptionIds").texts("SubscriptionId"))
	require.Equal(t, "Closed", e.text("ConnectionStatus"))
	resp2, next := stream("gone")
	defer resp2.Body.Close()
	require.Equal(t, "Closed", next().text("ConnectionStatus"))

	sid = f.do(t, subscribe("StreamingSubscriptionRequest", "")).text("SubscriptionId")
	resp3, next := stream(sid)
	defer resp3.Body.Close()
	next()
	f.Close() // ends the stream: goleak sees that nothing stays
}
