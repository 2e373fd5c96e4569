package ews_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// bigMailbox answers FindItem and GetItem for n messages, a second apart, every other one unread, without holding them.
type bigMailbox struct{ n int }

var (
	bigBase   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	bigSeek   = regexp.MustCompile(`<t:IsLessThan><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURIOrConstant><t:Constant Value="([^"]+)"`)
	bigView   = regexp.MustCompile(`MaxEntriesReturned="(\d+)" Offset="(\d+)"`)
	bigItemID = regexp.MustCompile(`<t:ItemId Id="I(\d+)"`)
)

func (b bigMailbox) item(w io.Writer, i int) {
	fmt.Fprintf(w, `<t:Message><t:ItemId Id="I%d" ChangeKey="C"/><t:Subject>message %d</t:Subject><t:DateTimeReceived>%s</t:DateTimeReceived><t:Size>1000</t:Size><t:IsRead>%v</t:IsRead><t:InternetMessageId>&lt;%d@example.org&gt;</t:InternetMessageId></t:Message>`,
		i, i, bigBase.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i%2 == 0, i)
}

func (b bigMailbox) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if ids := bigItemID.FindAllSubmatch(raw, -1); len(ids) > 0 {
		for _, id := range ids {
			i, _ := strconv.Atoi(string(id[1]))
			out.WriteString(`<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items>`)
			b.item(&out, i)
			out.WriteString(`</m:Items></m:GetItemResponseMessage>`)
		}
		return reply(200, messages(out.String()))(r)
	}
	first := b.n - 1
	if seek := bigSeek.FindSubmatch(raw); seek != nil {
		at, err := time.Parse(time.RFC3339, string(seek[1]))
		if err != nil {
			return nil, err
		}
		first = min(first, int(at.Sub(bigBase)/time.Second)-1)
	}
	view := bigView.FindSubmatch(raw)
	size, _ := strconv.Atoi(string(view[1]))
	offset, _ := strconv.Atoi(string(view[2]))
	unread := bytes.Contains(raw, []byte("message:IsRead\"/><t:FieldURIOrConstant"))
	last, given, total := true, 0, b.n
	if unread {
		total = b.n / 2
	}
	for i := first; i >= 0; i-- {
		if unread && i%2 == 0 {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if given == size {
			last = false
			break
		}
		given++
		b.item(&out, i)
	}
	return reply(200, envelope(fmt.Sprintf(`<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView="%d" IncludesLastItemInRange="%v"><t:Items>%s</t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>`,
		total, last, out.String())))(r)
}

// TestBigMailbox lists and filters 200,000 messages, whole ones too: the memory in use does not grow with their number.
func TestBigMailbox(t *testing.T) {
	n := unlessRace(200_000, 10_000)
	for _, tt := range []struct {
		name string
		q    *ews.Query
		want int
	}{
		{"summaries", &ews.Query{Detail: ews.Summary}, n},
		{"unread ones", &ews.Query{Detail: ews.Summary, UnreadOnly: true}, n / 2},
		{"by a restriction", &ews.Query{Detail: ews.Summary, Where: ews.FieldRead.Is(false), PageSize: 1000}, n / 2},
		{"whole messages", &ews.Query{Limit: n / 10}, n / 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newClient(t, bigMailbox{n}, nil).Own()
			found, next := 0, n
			var least, most uint64
			for msg, err := range m.Messages(t.Context(), ews.Inbox, tt.q) {
				require.NoError(t, err)
				i, err := strconv.Atoi(strings.TrimPrefix(msg.Subject, "message "))
				if err != nil || i >= next {
					t.Fatalf("%q after message %d", msg.Subject, next)
				}
				next = i
				if found++; found%(tt.want/10) == 0 {
					runtime.GC()
					var s runtime.MemStats
					runtime.ReadMemStats(&s)
					if least == 0 {
						least = s.HeapAlloc
					}
					least, most = min(least, s.HeapAlloc), max(most, s.HeapAlloc)
				}
			}
			require.Equal(t, tt.want, found)
			t.Logf("%d messages: heap in use between %d and %d kB", found, least>>10, most>>10)
			require.Less(t, most-least, uint64(8<<20))
		})
	}
}

// TestBigMailboxOfTheFake is TestBigMailbox against ewstest, which looks at every message for every page. EWSMAIL_LONG=1 makes it
// 200,000 messages.
func TestBigMailboxOfTheFake(t *testing.T) {
	n := unlessRace(3_000, 500)
	if os.Getenv("EWSMAIL_LONG") != "" {
		n = 200_000
	}
	_, box, m := newMailbox(t, nil)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		_, err := box.Deliver([]byte("Subject: "+strconv.Itoa(i)+"\r\n\r\n"), &ewstest.DeliverOptions{Received: start.Add(time.Duration(i/3) * time.Second), Read: i%2 == 0})
		require.NoError(t, err)
	}
	for _, q := range []*ews.Query{{Detail: ews.Summary, PageSize: 1000}, {Detail: ews.Summary, PageSize: 1000, Where: ews.FieldRead.Is(false), OldestFirst: true}} {
		seen := make([]bool, n)
		found := 0
		for msg, err := range m.Messages(t.Context(), ews.Inbox, q) {
			require.NoError(t, err)
			i, err := strconv.Atoi(msg.Subject)
			if err != nil || seen[i] {
				t.Fatalf("%q again", msg.Subject)
			}
			seen[i] = true
			found++
		}
		if q.Where != nil {
			require.Equal(t, n/2, found)
		} else {
			require.Equal(t, n, found)
		}
	}
}

// TestListingProperty changes a folder at random while it is listed, in every way of paging: what is there all the time comes exactly
// once, and nothing comes twice.
func TestListingProperty(t *testing.T) {
	rounds := unlessRace(uint64(40), 5)
	if os.Getenv("EWSMAIL_LONG") != "" {
		rounds = 1_000
	}
	for seed := range rounds {
		rnd := rand.New(rand.NewPCG(seed, 1))
		_, box, m := newMailbox(t, nil)
		box.AddFolder("done")
		start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		delivered := 0
		arrive := func() {
			at := start.Add(time.Duration(rnd.IntN(40)*500) * time.Millisecond)
			deliver(t, box, fmt.Sprintf("Subject: %c mail %d\n\n", 'a'+rune(rnd.IntN(26)), delivered), &ewstest.DeliverOptions{Received: at, Read: rnd.IntN(2) == 0})
			delivered++
		}
		for range 1 + rnd.IntN(60) {
			arrive()
		}
		there := map[string]bool{}
		for _, it := range box.Items("inbox") {
			there[it.Subject] = true
		}
		q := &ews.Query{Detail: ews.Summary, PageSize: 1 + rnd.IntN(12)}
		switch rnd.IntN(4) {
		case 0:
			q.OldestFirst = true
		case 1:
			q.Sort = []ews.SortField{{Field: ews.FieldSubject, Descending: rnd.IntN(2) == 0}}
		case 2:
			q.Search = "mail"
		}
		seen := map[string]int{}
		for msg, err := range m.Messages(t.Context(), ews.Inbox, q) {
			require.NoError(t, err, seed)
			seen[msg.Subject]++
			for range rnd.IntN(3) {
				items := box.Items("inbox")
				switch k := rnd.IntN(6); {
				case k < 2 && delivered < 200:
					arrive()
				case k < 4 && len(items) > 0:
					it := items[rnd.IntN(len(items))]
					delete(there, it.Subject)
					_, err := box.MoveTo(it.ID, "done")
					require.NoError(t, err)
				case k == 4 && len(items) > 0:
					box.SetRead(items[rnd.IntN(len(items))].ID, true)
				case k == 5 && len(items) > 0:
					it := items[rnd.IntN(len(items))]
					delete(there, it.Subject)
					box.Remove(it.ID)
				}
			}
		}
		for subject := range there {
			require.Equal(t, 1, seen[subject], "seed %d, %+v: %s", seed, *q, subject)
		}
		for subject, n := range seen {
			require.Equal(t, 1, n, "seed %d, %+v: %s", seed, *q, subject)
		}
	}
}
