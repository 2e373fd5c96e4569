package ews_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// matrixFolders are the operations on folders and whole items, and those that tell what is new.
var matrixFolders = []matrixOperation{
	{"RenameFolder", "UpdateFolder", false, func(ctx context.Context, m *ews.Mailbox) error { return m.RenameFolder(ctx, matrixFolder, "New") }},
	{"UpdateSearchFolder", "UpdateFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.UpdateSearchFolder(ctx, matrixFolder, &ews.SearchFolder{Where: ews.FieldRead.Is(true), In: []ews.FolderRef{ews.Inbox}})
	}},
	{"MoveFolder", "MoveFolder", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.MoveFolder(ctx, ews.Inbox, matrixFolder)
		return err
	}},
	{"CopyFolder", "CopyFolder", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.CopyFolder(ctx, ews.Inbox, matrixFolder)
		return err
	}},
	{"EmptyFolder", "EmptyFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.EmptyFolder(ctx, ews.HardDelete, matrixFolder, false)
	}},
	{"DeleteFolder", "DeleteFolder", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.DeleteFolder(ctx, ews.ToDeletedItems, matrixFolder)
	}},
	{"DeleteFolder for good", "DeleteFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.DeleteFolder(ctx, ews.HardDelete, matrixFolder)
	}},
	{"Export", "ExportItems", false, func(ctx context.Context, m *ews.Mailbox) error {
		r, err := m.Export(ctx, matrixItem)
		if err == nil {
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
		}
		return err
	}},
	{"Import", "UploadItems", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Import(ctx, matrixFolder, ews.String("x"))
		return err
	}},
	{"Sync", "SyncFolderItems", false, func(ctx context.Context, m *ews.Mailbox) error { return last(m.Sync(ctx, ews.Inbox, "", nil)) }},
	{"SyncFolders", "SyncFolderHierarchy", false, func(ctx context.Context, m *ews.Mailbox) error {
		return last(m.SyncFolders(ctx, ews.Inbox, ""))
	}},
	{"SubscribePull", "Subscribe", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.SubscribePull(ctx, nil); return err }},
	{"SubscribePush", "Subscribe", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.SubscribePush(ctx, &ews.PushOptions{URL: "https://push.example.com/"})
		return err
	}},
	{"Pull", "GetEvents", false, func(ctx context.Context, m *ews.Mailbox) error {
		return last(m.Pull(ctx, &ews.Subscription{ID: "S1", Watermark: "W1"}))
	}},
	{"Unsubscribe", "Unsubscribe", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.Unsubscribe(ctx, &ews.Subscription{ID: "S1"})
	}},
}

// matrixBefore are the successes with which calls of several requests come to the operation of their row.
var matrixBefore = map[string]string{
	"RenameFolder":       "GetFolder",
	"UpdateSearchFolder": "GetFolder",
}

// matrixFirst lets the requests before a row's operation succeed; rt answers, and counts, those after.
func matrixFirst(op matrixOperation, rt *script) http.RoundTripper {
	before := matrixBefore[op.name]
	if before == "" {
		return rt
	}
	rec := new(recorder)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if len(rec.ops) == 0 {
			return rec.RoundTrip(r)
		}
		return rt.RoundTrip(r)
	})
}

// matrixElsewhere are the operations that the matrix cannot ask for alone, and the tests that fail them in each way.
var matrixElsewhere = map[string]string{
	"SendItem":           "TestSendFaultMatrix: what became of it is looked up",
	"GetStreamingEvents": "TestEventsFaultMatrix: streams are opened again without an end",
}

func matrixOperations() []matrixOperation {
	return slices.Concat(
		matrixMail,
		matrixRead,
		matrixChange,
		matrixPlace,
		matrixFolders,
		matrixAround,
		matrixOffice,
	)
}

// TestFaultMatrixIsComplete: every operation that the package documentation names a method for has a row in the fault matrix, or a test of
// its own that takes its place.
func TestFaultMatrixIsComplete(t *testing.T) {
	var rows []string
	for _, op := range matrixOperations() {
		rows = append(rows, op.op)
	}
	for op, by := range operations(t) {
		if row := slices.Contains(rows, op); by != "Do" && !row && matrixElsewhere[op] == "" {
			t.Errorf("%s (%s) has no row in the fault matrix", op, by)
		} else if row && matrixElsewhere[op] != "" {
			t.Errorf("%s has a row: take it out of matrixElsewhere", op)
		}
	}
}
