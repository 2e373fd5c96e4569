package ews_test

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenAround = goldenRequests{
	answers: map[string]string{
		"ResolveNames":              `<m:ResolutionSet TotalItemsInView="0" IncludesLastItemInRange="true"/>`,
		"ExpandDL":                  `<m:DLExpansion TotalItemsInView="0" IncludesLastItemInRange="true"/>`,
		"GetUserOofSettings":        `<t:OofSettings/>`,
		"SetUserOofSettings":        ``,
		"ConvertId":                 `<m:AlternateId Format="HexEntryId" Id="00"/>`,
		"GetMailTips":               `<m:MailTips/>`,
		"GetPasswordExpirationDate": `<m:PasswordExpirationDate>2026-12-24T10:00:00Z</m:PasswordExpirationDate>`,
		"GetServerTimeZones":        `<m:TimeZoneDefinitions/>`,
		"ExportItems":               `<m:ItemId Id="I1"/><m:Data>QUJD</m:Data>`,
		"UploadItems":               `<m:ItemId Id="I9" ChangeKey="K1"/>`,
	},
	calls: []goldenCall{
		{"directory", func(ctx context.Context, c *ews.Client) error {
			_, _, err := c.Own().ResolveNames(ctx, "/o=First/cn=Recipients/cn=ann", ews.ResolveDirectory)
			return err
		}},
		{"contacts-shared", func(ctx context.Context, c *ews.Client) error {
			_, _, err := c.Shared("support@example.com").ResolveNames(ctx, "Ann & Bob", ews.ResolveBoth)
			return err
		}},
		{"public", func(ctx context.Context, c *ews.Client) error {
			_, _, err := c.Own().ExpandDL(ctx, "desk@example.com")
			return err
		}},
		{"private", func(ctx context.Context, c *ews.Client) error {
			_, _, err := c.Own().ExpandPrivateDL(ctx, ews.ItemID{ID: "I1", ChangeKey: "K1"})
			return err
		}},
		{"oof", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").OutOfOffice(ctx)
			return err
		}},
		{"oof", func(ctx context.Context, c *ews.Client) error {
			return c.Impersonate("support@example.com").SetOutOfOffice(ctx, &ews.OutOfOffice{State: ews.OutOfOfficeScheduled, Audience: ews.KnownOutside,
				Start: time.Date(2026, 12, 24, 8, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 27, 8, 0, 0, 0, time.UTC), Internal: "away", External: "<p>weg & fort</p>"})
		}},
		{"oof-off", func(ctx context.Context, c *ews.Client) error {
			return c.Shared("support@example.com").SetOutOfOffice(ctx, &ews.OutOfOffice{})
		}},
		{"convert", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").ConvertIDs(ctx, ews.EWSID, ews.HexEntryID, "AAMk+/=")
			return err
		}},
		{"mailtips", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").MailTips(ctx, "ann@example.com")
			return err
		}},
		{"expiration", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().PasswordExpiration(ctx)
			return err
		}},
		{"expiration-impersonated", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Impersonate("support@example.com").PasswordExpiration(ctx)
			return err
		}},
		{"zones", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().TimeZones(ctx)
			return err
		}},
		{"zones-named", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().TimeZones(ctx, "W. Europe Standard Time", "UTC")
			return err
		}},
		{"export", func(ctx context.Context, c *ews.Client) error {
			r, err := c.Own().Export(ctx, ews.ItemID{ID: "I1", ChangeKey: "K1"})
			if err == nil {
				err = r.Close()
			}
			return err
		}},
		{"import", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Import(ctx, ews.FolderID{ID: "F1", ChangeKey: "K1"}, ews.String("data"))
			return err
		}},
	},
}
