package ews_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestImpersonation: a service account enters mailboxes by address, alias, user principal name and security identifier, each as itself.
func TestImpersonation(t *testing.T) {
	for _, onPremises := range []bool{false, true} {
		srv := ewstest.NewServer(&ewstest.Options{NoAnchor: onPremises, Verify: func(context.Context, string) (ewstest.Identity, error) {
			return ewstest.Identity{AppOnly: true, AppID: "app"}, nil
		}})
		t.Cleanup(srv.Close)
		for _, name := range []string{"ann", "bob"} {
			box := srv.AddMailbox(name + "@example.com")
			box.AddAlias(name + "@corp.example")
			deliver(t, box, "Subject: to "+name+"\n\nx", nil)
		}
		c := openClient(t, srv, nil)
		reads := func(m *ews.Mailbox) (subject string, err error) {
			for msg, err := range m.Messages(t.Context(), ews.Inbox, nil) {
				if err != nil {
					return "", err
				}
				subject = msg.Subject
			}
			return subject, nil
		}
		for want, m := range map[string]*ews.Mailbox{
			"to ann": c.Impersonate("ann@example.com"), "to bob": c.Impersonate("BOB@example.com"),
		} {
			subject, err := reads(m)
			require.NoError(t, err)
			require.Equal(t, want, subject)
			require.Equal(t, m.Address(), srv.Requests()[len(srv.Requests())-1].AnchorMailbox)
		}
		subject, err := reads(c.ImpersonateUPN("bob@corp.example"))
		require.NoError(t, err)
		require.Equal(t, "to bob", subject)
		_, err = reads(c.Impersonate("nobody@example.com"))
		require.ErrorIs(t, err, ews.ErrNotFound)

		subject, err = reads(c.ImpersonateSID(srv.Mailbox("bob@example.com").SID()))
		if !onPremises { // an opaque token, so that Exchange is the one to notice
			require.ErrorIs(t, err, ews.ErrInvalidRequest)
			require.ErrorContains(t, err, "X-AnchorMailbox")
			require.ErrorContains(t, err, "Client.Impersonate with the mailbox's address")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "to bob", subject)
		_, err = reads(c.ImpersonateSID("S-1-5-21-9"))
		require.ErrorIs(t, err, ews.ErrDenied)
		for _, own := range []*ews.Mailbox{c.Own(), c.Shared("bob@example.com")} {
			_, err = reads(own)
			require.ErrorContains(t, err, "Client.Impersonate")
		}
	}
}

// TestSecurityIdentifierOnline: what Exchange Online is going to refuse is told before it is asked.
func TestSecurityIdentifierOnline(t *testing.T) {
	rt := &script{answers: []answer{fine}}
	token := jwt(t, claims{"iss": entra1, "aud": exo, "idtyp": "app", "roles": []string{"full_access_as_app"}})
	c := newClient(t, rt, func(c *ews.Config) {
		c.Token = ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token, Expiry: time.Now().Add(time.Hour)}))
	})
	err := c.ImpersonateSID("S-1-5-21-1").DoCall(t.Context(), getItem(nil))
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	require.ErrorContains(t, err, "Client.Impersonate with the mailbox's address")
	require.Zero(t, rt.count())
}

// TestDelegatedImpersonation: a user's token of which nothing can be told enters nobody's mailbox, and the error says how it can.
func TestDelegatedImpersonation(t *testing.T) {
	srv, _, _ := newMailbox(t, nil)
	_, err := openClient(t, srv, nil).Impersonate(support).Folder(t.Context(), ews.Inbox)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	require.ErrorContains(t, err, "Client.Own or Client.Shared")
}
