package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// TimeZone is a time zone that the server knows.
type TimeZone struct {
	ID   string // Windows' name, which EWS takes: "W. Europe Standard Time"
	Name string // for people, in the server's language: "(UTC+01:00) Amsterdam, Berlin, ..."
	IANA string // what time.LoadLocation takes: "Europe/Berlin"; "" for a zone that the Unicode CLDR does not know
}

// TimeZones returns the server's time zones, or those of them with the given IDs; ids that it does not know are left out.
// EWS: GetServerTimeZones operation.
func (m *Mailbox) TimeZones(ctx context.Context, ids ...string) ([]TimeZone, error) {
	var zones []TimeZone
	err := m.do(ctx, &call{
		op: "GetServerTimeZones",
		body: func(w *wire.Writer) error {
			w.Start("m:GetServerTimeZones", "ReturnFullTimeZoneData", "false")
			if len(ids) > 0 {
				w.Start("m:Ids")
				for _, id := range ids {
					w.Leaf("t:Id", id)
				}
				w.End()
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			zones = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "TimeZoneDefinitions" {
					return nil
				}
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "TimeZoneDefinition" {
						var z TimeZone
						z.ID, _ = s.Attr("Id")
						z.Name, _ = s.Attr("Name")
						z.IANA = ianaNames[z.ID]
						zones = append(zones, z)
					}
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, err
	}
	return zones, nil
}
