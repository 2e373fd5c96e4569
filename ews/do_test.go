package ews_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestDo(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	deliver(t, box, question, nil)
	var resp struct {
		Messages []struct {
			Class   string `xml:"ResponseClass,attr"`
			Folders []struct {
				Name  string `xml:"DisplayName"`
				Total int    `xml:"TotalCount"`
			} `xml:"Folders>Folder"`
		} `xml:"ResponseMessages>GetFolderResponseMessage"`
	}
	request := func(ids ...string) ews.Raw {
		return ews.Raw{Op: "GetFolder", XML: `<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>` + strings.Join(ids, "") + `</m:FolderIds></m:GetFolder>`}
	}
	inbox, missing := `<t:DistinguishedFolderId Id="inbox"/>`, `<t:FolderId Id="AAA="/>`
	require.NoError(t, m.Do(t.Context(), request(inbox), &resp))
	require.Equal(t, "Inbox", resp.Messages[0].Folders[0].Name)
	require.Equal(t, 1, resp.Messages[0].Folders[0].Total)

	err := m.Do(t.Context(), request(inbox, missing), &resp)
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 1, batch.Items[0].Index)
	require.Len(t, resp.Messages, 2, "what was answered is there all the same")
	var single *ews.Error
	require.ErrorAs(t, m.Do(t.Context(), request(missing), nil), &single)
	require.NotEmpty(t, single.Code)

	for _, raw := range []ews.Raw{{}, {Op: "GetFolder"}, {Op: "GetFolder", XML: "<m:GetItem/>"}, {Op: "GetFolder", XML: "<m:GetFolder>"}, {Op: "GetFolder", XML: "<m:GetFolder/></m:x>"}, {Op: "GetFolder", XML: "<?xml version='1.0'?><m:GetFolder/>"}, {Op: "a b", XML: "<a/>"}} {
		require.ErrorContains(t, m.Do(t.Context(), raw, nil), "Raw.", "%+v", raw)
	}
	require.ErrorContains(t, m.Do(t.Context(), request(inbox), resp), "pointer")
}

func TestContextEndsEverything(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	srv.Fault(ewstest.Fault{Times: -1, Do: ewstest.Delay(time.Minute)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := m.Message(ctx, id, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	if errors.Is(err, ews.ErrThrottled) {
		t.Error("a caller's deadline is no throttling")
	}
	require.Less(t, time.Since(start), 10*time.Second)
}
