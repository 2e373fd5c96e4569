package ews_test

import (
	"context"

	"github.com/ewsmail/ewsmail/ews"
)

// matrixChange are the operations that change messages.
var matrixChange = []matrixOperation{
	{"Update", "UpdateItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Update(ctx, &ews.Update{Categories: []string{"a"}, Importance: new(ews.LowImportance)}, matrixItem)
		return err
	}},
	{"Update of a version", "UpdateItem", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Update(ctx, &ews.Update{Subject: new("s")}, matrixItem)
		return err
	}},
}
