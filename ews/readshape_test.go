package ews_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// randomMessage is a message as servers write them, and as they should not: any of a listing's fields in nearly any order, some twice, with
// values of all kinds, and what listings do not have.
func randomMessage(r *rand.Rand) string {
	text := func() string {
		return []string{"", "1", "true", "plain", "SMTP", "ann@example.com", "a &amp; b", "&lt;x&gt;", "é", "\x02", "&#x1F;", "2026-11-01T02:03:04Z", "2026-11-31T02:03:04Z", "garbage",
			"<![CDATA[<c>]]>", "a<!-- -->b", " 7 ", strings.Repeat("long ", 50)}[r.IntN([]int{11, 11, 11, 11, 11, 11, 11, 18}[r.IntN(8)])]
	}
	value := func() string { return []string{"", "AAMk=", "AAMk==", "a&amp;b"}[r.IntN(4)] }
	leaf := func(name string) string {
		if r.IntN(20) == 0 {
			return "<t:" + name + "/>"
		}
		return "<t:" + name + ">" + text() + "</t:" + name + ">"
	}
	id := func(name string) string {
		return fmt.Sprintf([]string{`<t:%s Id="%s" ChangeKey="%s"/>`, `<t:%[1]s ChangeKey="%[3]s" Id="%[2]s"/>`, `<t:%s Id="%s"></t:%[1]s>`, `<t:%s Id='%s'/>`}[max(0, r.IntN(40)-36)], name, value(), value())
	}
	mailbox := func() string {
		return "<t:Mailbox>" + leaf("Name") + leaf("EmailAddress") + leaf("RoutingType") + "<t:MailboxType>OneOff</t:MailboxType></t:Mailbox>"
	}
	property := func() string {
		tag := []string{"0x300b", "0x300B", "12299", "0x5d01", "0x5d02", "0x1234"}[r.IntN(6)]
		content := "<t:Value>" + text() + "</t:Value>"
		if r.IntN(8) == 0 {
			content = "<t:Values><t:Value>" + text() + "</t:Value><t:Value>" + text() + "</t:Value></t:Values>"
		}
		return `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="` + tag + `" PropertyType="Binary"/>` + content + "</t:ExtendedProperty>"
	}
	leaves := strings.Fields("ItemClass Subject Sensitivity DateTimeReceived Size Importance InReplyTo IsDraft DateTimeSent DateTimeCreated HasAttachments LastModifiedTime Preview " +
		"ConversationIndex ConversationTopic InternetMessageId IsRead References")
	rare := []func() string{
		func() string { return "<t:Body BodyType=\"HTML\">" + text() + "</t:Body>" },
		func() string {
			return "<t:Attachments><t:FileAttachment>" + id("AttachmentId") + "</t:FileAttachment></t:Attachments>"
		},
		func() string { return "<t:ToRecipients>" + mailbox() + "</t:ToRecipients>" },
		func() string { return "<t:ToRecipients/>" },
		func() string { return "<t:Flag/>" },
		func() string { return "<t:ReceivedBy>" + mailbox() + "</t:ReceivedBy>" },
		func() string { return leaf("Unknown") },
		func() string {
			return `<t:InternetMessageHeaders><t:InternetMessageHeader HeaderName="X"/></t:InternetMessageHeaders>`
		},
		func() string { return `<o:Subject xmlns:o="http://example.com/">of another</o:Subject>` },
		func() string { return "<t:IsOutOfDate>true</t:IsOutOfDate>" },
		func() string { return "<!-- a comment -->" },
	}
	var b strings.Builder
	kind := []string{"Message", "Message", "Message", "Item", "MeetingRequest"}[r.IntN(5)]
	b.WriteString("<t:" + kind + ">" + id("ItemId"))
	for range r.IntN(12) {
		switch n := r.IntN(100); {
		case n < 55:
			b.WriteString(leaf(leaves[r.IntN(len(leaves))]))
		case n < 65:
			b.WriteString("<t:Sender>" + mailbox() + "</t:Sender>")
		case n < 75:
			b.WriteString("<t:From>" + mailbox() + "</t:From>")
		case n < 82:
			b.WriteString(property())
		case n < 86:
			b.WriteString("<t:Categories>" + strings.Repeat("<t:String>"+text()+"</t:String>", r.IntN(4)) + "</t:Categories>")
		case n < 94:
			b.WriteString(id([]string{"ParentFolderId", "ConversationId", "ItemId"}[r.IntN(3)]))
		case n < 95:
			b.WriteString(rare[r.IntN(len(rare))]())
		}
	}
	b.WriteString("</t:" + kind + ">")
	return b.String()
}

// TestShapesOfMessages: a message that is read as those before it were written is the one that is read tag by tag.
func TestShapesOfMessages(t *testing.T) {
	replayed := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var page strings.Builder
		var few []string
		for range 6 {
			few = append(few, randomMessage(r))
		}
		for range 60 { // mostly of few kinds, as in life, with values of their own
			if r.IntN(4) == 0 {
				few[r.IntN(len(few))] = randomMessage(r)
			}
			page.WriteString(strings.ReplaceAll(few[r.IntN(len(few))], "plain", []string{"plain", "other", "a &lt; b"}[r.IntN(3)]))
		}
		in := envelope("<m:Items>" + page.String() + "</m:Items>")
		want, err := ews.ReadMessages(in, false)
		require.NoError(t, err)
		got, err := ews.ReadMessages(in, true)
		require.NoError(t, err)
		n, err := ews.Replays(in)
		require.NoError(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-tag by tag +replayed)\n%s", seed, diff)
		}
		replayed += n
	}
	t.Logf("%d of %d were replayed", replayed, 60*60)
	require.Greater(t, replayed, 600)
}

// TestShapeOfListing: a listing as Exchange writes it is replayed but for its first message.
func TestShapeOfListing(t *testing.T) {
	var page strings.Builder
	for i := range 1000 {
		page.WriteString(cannedSummary(i))
	}
	n, err := ews.Replays(envelope("<m:Items>" + page.String() + "</m:Items>"))
	require.NoError(t, err)
	require.Equal(t, 999, n)
}
