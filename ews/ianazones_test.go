package ews

import "maps"

// IANANames shows the table to the external tests.
func IANANames() map[string]string { return maps.Clone(ianaNames) }
