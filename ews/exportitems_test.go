package ews_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestImportSample(t *testing.T) {
	id, err := sampled(t, "UploadItems-2.response.xml").Import(t.Context(), ews.FolderID{ID: "F1"}, ews.String("x"))
	require.NoError(t, err)
	require.Equal(t, ews.ItemID{ID: "AAMkADhhUFZ/AAA=", ChangeKey: "CQAAABYAAABsMBS3hrihS7voMf0GPIQeAAAAULQm"}, id, "the first of the sample's items")
}

func TestExportSample(t *testing.T) {
	r, err := sampled(t, "ExportItems-2.response.xml").Export(t.Context(), ews.ItemID{ID: "I1"})
	require.NoError(t, err)
	defer r.Close()
	head := make([]byte, 8)
	_, err = io.ReadFull(r, head)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 0, 0, 0, 8, 0, 0, 0}, head, "AQAAAAgAAAA...")
}

func TestExportImport(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	received := time.Date(2026, 11, 23, 7, 0, 5, 0, time.UTC)
	id := deliver(t, box, question, &ewstest.DeliverOptions{Received: received})
	r, err := m.Export(t.Context(), id)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	to, err := m.EnsureFolder(t.Context(), ews.Inbox, "Restored")
	require.NoError(t, err)
	copied, err := m.Import(t.Context(), to.ID, ews.Bytes(data))
	require.NoError(t, err)
	require.NotEqual(t, id.ID, copied.ID)
	msg, err := m.Message(t.Context(), copied, nil)
	require.NoError(t, err)
	require.Equal(t, "Drucker antwortet nicht ✓", msg.Subject)
	require.Equal(t, received, msg.Received)
	require.Equal(t, to.ID.ID, msg.ParentFolder.ID)
	require.Len(t, msg.Attachments, 2)

	_, err = m.Export(t.Context(), ews.ItemID{ID: "gone"})
	require.Error(t, err)
	_, err = m.Import(t.Context(), to.ID, ews.Bytes(bytes.Repeat([]byte("x"), 100)))
	require.ErrorIs(t, err, ews.ErrBadItem)
	folder, err := m.Folder(t.Context(), to.ID)
	require.NoError(t, err)
	require.Equal(t, 1, folder.Total)

	srv.ResetRequests()
	_, err = m.Export(t.Context(), ews.ItemID{})
	require.ErrorContains(t, err, "id is empty")
	_, err = m.Import(t.Context(), ews.FolderID{}, ews.String("x"))
	require.ErrorContains(t, err, "folder's id")
	_, err = m.Import(t.Context(), to.ID, ews.Content{})
	require.ErrorContains(t, err, "data needs")
	require.Empty(t, srv.Requests())
}

// TestImportOnce: an answer that was lost does not lead to a second item.
func TestImportOnce(t *testing.T) {
	rt := &script{answers: []answer{reply(503, "")}}
	_, err := newClient(t, rt, nil).Own().Import(t.Context(), ews.FolderID{ID: "F1"}, ews.String("x"))
	require.ErrorIs(t, err, ews.ErrUnavailable)
	require.True(t, ews.MaybeApplied(err))
	require.Equal(t, 1, rt.count())
	ok := `<m:UploadItemsResponse><m:ResponseMessages><m:UploadItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode></m:UploadItemsResponseMessage></m:ResponseMessages></m:UploadItemsResponse>`
	_, err = answering(t, envelope(ok)).Import(t.Context(), ews.FolderID{ID: "F1"}, ews.String("x"))
	require.ErrorIs(t, err, ews.ErrBadResponse)
	require.True(t, ews.MaybeApplied(err))
}
