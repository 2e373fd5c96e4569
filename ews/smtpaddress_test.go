package ews_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// x500Of is the X.500 address under which a listing shows a mailbox of the server.
func x500Of(t *testing.T, m *ews.Mailbox) string {
	t.Helper()
	var answer struct {
		Addresses []string `xml:"ResponseMessages>FindItemResponseMessage>RootFolder>Items>Message>From>Mailbox>EmailAddress"`
	}
	require.NoError(t, m.Do(t.Context(), ews.Raw{Op: "FindItem", XML: `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>`}, &answer))
	require.Len(t, answer.Addresses, 1)
	return answer.Addresses[0]
}

func TestSMTPAddresses(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	srv.AddMailbox("ann@example.com").SetName("Ann Miller")
	deliver(t, box, "From: Ann <ann@example.com>\nSubject: s\n\nx", nil)
	ann := x500Of(t, m)
	require.True(t, strings.HasPrefix(ann, "/O="), ann)
	plain := ews.Address{Name: "Bob", Email: "bob@example.org", RoutingType: "SMTP"}
	ex := func(name, x500 string) ews.Address {
		return ews.Address{Name: name, Email: x500, RoutingType: "EX"}
	}

	sent := srv.Count("")
	got, err := m.SMTPAddresses(t.Context(), plain, ews.Address{}, plain)
	require.NoError(t, err)
	require.Equal(t, []ews.Address{plain, {}, plain}, got)
	require.Equal(t, sent, srv.Count(""), "there was nothing to ask")

	list := []ews.Address{ex("A.", ann), plain, ex("", strings.ToLower(ann)), ex("Gone", "/o=x/cn=gone"), ex("Long", "/o="+strings.Repeat("x", 2000))}
	got, err = m.SMTPAddresses(t.Context(), list...)
	var b *ews.BatchError
	require.True(t, errors.As(err, &b), "%v", err)
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.Equal(t, []any{5, 3, 4}, []any{b.Total, b.Items[0].Index, b.Items[1].Index})
	want := []ews.Address{{Name: "A.", Email: "ann@example.com", RoutingType: "SMTP"}, plain, {Name: "Ann Miller", Email: "ann@example.com", RoutingType: "SMTP"}, list[3], list[4]}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	require.Equal(t, "A.", list[0].Name, "the caller's list is not changed")
	require.Equal(t, ann, list[0].Email)
	srv.AssertCount(t, "ResolveNames", 2)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.SMTPAddresses(ctx, ex("A.", ann))
	require.ErrorIs(t, err, context.Canceled)
}

// TestAmbiguousX500: of several entries none is taken.
func TestAmbiguousX500(t *testing.T) {
	entry := func(a string) string {
		return `<t:Resolution><t:Mailbox><t:Name>x</t:Name><t:EmailAddress>` + a + `</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:Resolution>`
	}
	for _, entries := range []string{entry("a@b.c") + entry("d@e.f"), entry("/o=x/cn=y"), ""} {
		rt := &script{answers: []answer{reply(200, envelope(`<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ResolutionSet TotalItemsInView="2" IncludesLastItemInRange="true">`+entries+`</m:ResolutionSet></m:ResolveNamesResponseMessage></m:ResponseMessages></m:ResolveNamesResponse>`))}}
		x := ews.Address{Email: "/o=x/cn=y", RoutingType: "EX"}
		got, err := newClient(t, rt, nil).Own().SMTPAddresses(t.Context(), x)
		require.ErrorIs(t, err, ews.ErrNotFound)
		require.Equal(t, []ews.Address{x}, got)
	}
}

// TestSendersAddress: which of the properties that tell a sender's SMTP address goes with which field.
func TestSendersAddress(t *testing.T) {
	const ann, bob = "/o=x/cn=ann", "/o=x/cn=bob"
	field := func(name, x500 string) string {
		return `<t:` + name + `><t:Mailbox><t:EmailAddress>` + x500 + `</t:EmailAddress><t:RoutingType>EX</t:RoutingType></t:Mailbox></t:` + name + `>`
	}
	tag := func(tag, v string) string {
		return `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="` + tag + `" PropertyType="String"/><t:Value>` + v + `</t:Value></t:ExtendedProperty>`
	}
	for _, tc := range []struct{ name, xml, from, sender string }{
		{"both told", tag("0x5d01", "ann@x.y") + tag("0x5d02", "bob@x.y") + field("Sender", ann) + field("From", bob), "bob@x.y", "ann@x.y"},
		{"the sender's, who is the author", tag("0x5d01", "ann@x.y") + field("Sender", ann) + field("From", ann), "ann@x.y", "ann@x.y"},
		{"the author's, who is the sender", tag("0x5d02", "ann@x.y") + field("Sender", ann) + field("From", ann), "ann@x.y", "ann@x.y"},
		{"the sender's alone, for somebody else", tag("0x5d01", "ann@x.y") + field("Sender", ann) + field("From", bob), bob, "ann@x.y"},
		{"none", field("Sender", ann) + field("From", ann), ann, ann},
		{"no address but a property", tag("0x5d02", "ann@x.y") + field("From", ""), "ann@x.y", "ann@x.y"},
		{"a property that is no address", tag("0x5d01", "ann") + field("Sender", ann) + field("From", ann), ann, ann},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rt := &script{answers: []answer{reply(http.StatusOK, envelope(`<m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:ItemId Id="I1"/>`+tc.xml+`</t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse>`))}}
			msg, err := newClient(t, rt, nil).Own().Message(t.Context(), ews.ItemID{ID: "I1"}, nil)
			require.NoError(t, err)
			require.Equal(t, []string{tc.from, tc.sender}, []string{msg.From.Email, msg.Sender.Email})
		})
	}
}
