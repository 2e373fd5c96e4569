package ewstest

// timeZones that the server knows by their Windows names; enough to be asked about.
var timeZones = [][2]string{
	{"UTC", "(UTC) Coordinated Universal Time"},
	{"GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London"},
	{"W. Europe Standard Time", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"},
	{"Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)"},
	{"Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)"},
	{"Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo"},
}

// getServerTimeZones EWS: GetServerTimeZones operation, names only.
func (c *call) getServerTimeZones() *soapFault {
	var want []string
	for _, n := range c.env.op.kid("m:Ids").all() {
		want = append(want, n.value())
	}
	return c.respond("GetServerTimeZones", []*node{c.env.op}, func(*node) (func(), *opError) {
		return func() {
			c.a.start("m:TimeZoneDefinitions")
			for _, z := range timeZones {
				if len(want) == 0 || containsFold(want, z[0]) {
					c.a.empty("t:TimeZoneDefinition", "Id", z[0], "Name", z[1])
				}
			}
			c.a.end()
		}, nil
	})
}
