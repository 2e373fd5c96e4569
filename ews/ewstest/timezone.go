package ewstest

import "fmt"

// timeZone is a zone by its Windows name.
type timeZone struct {
	id, name string
	bias     int // minutes that UTC is ahead
	saving   []daylight
}

// daylight is when a zone's clocks are changed each year, and the bias from then on.
type daylight struct {
	bias, month, week int // week -1 is the last
	hour              int
}

// timeZones that the server knows; enough to be asked about.
var timeZones = []timeZone{
	{"UTC", "(UTC) Coordinated Universal Time", 0, nil},
	{"GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London", 0, []daylight{{-60, 3, -1, 1}, {0, 10, -1, 2}}},
	{"W. Europe Standard Time", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", -60, []daylight{{-120, 3, -1, 2}, {-60, 10, -1, 3}}},
	{"Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)", 300, []daylight{{240, 3, 2, 2}, {300, 11, 1, 2}}},
	{"Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)", 480, []daylight{{420, 3, 2, 2}, {480, 11, 1, 2}}},
	{"Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo", -540, nil},
}

// getServerTimeZones EWS: GetServerTimeZones operation.
func (c *call) getServerTimeZones() *soapFault {
	var want []string
	for _, n := range c.env.op.kid("m:Ids").all() {
		want = append(want, n.value())
	}
	full := c.env.op.attr("ReturnFullTimeZoneData") != "false" && c.env.op.attr("ReturnFullTimeZoneData") != "0"
	return c.respond("GetServerTimeZones", []*node{c.env.op}, func(*node) (func(), *opError) {
		return func() {
			c.a.start("m:TimeZoneDefinitions")
			for _, z := range timeZones {
				switch {
				case len(want) > 0 && !containsFold(want, z.id):
				case full:
					c.timeZone(&z)
				default:
					c.a.empty("t:TimeZoneDefinition", "Id", z.id, "Name", z.name)
				}
			}
			c.a.end()
		}, nil
	})
}

// timeZone writes a zone with its periods and the transitions between them.
func (c *call) timeZone(z *timeZone) {
	period := func(bias int) string {
		kind := "Standard"
		if bias != z.bias {
			kind = "Daylight"
		}
		return "trule:Microsoft/Registry/" + z.id + "/1-" + kind
	}
	to := func(kind, id string) { c.a.leaf("t:To", id, "Kind", kind) }
	c.a.start("t:TimeZoneDefinition", "Id", z.id, "Name", z.name)
	c.a.start("t:Periods")
	c.a.empty("t:Period", "Bias", xmlMinutes(z.bias), "Name", "Standard", "Id", period(z.bias))
	if len(z.saving) > 0 {
		c.a.empty("t:Period", "Bias", xmlMinutes(z.saving[0].bias), "Name", "Daylight", "Id", period(z.saving[0].bias))
	}
	c.a.end()
	c.a.start("t:TransitionsGroups")
	c.a.start("t:TransitionsGroup", "Id", "0")
	if len(z.saving) == 0 {
		c.a.start("t:Transition")
		to("Period", period(z.bias))
		c.a.end()
	}
	for _, d := range z.saving {
		c.a.start("t:RecurringDayTransition")
		to("Period", period(d.bias))
		c.a.leaf("t:TimeOffset", xmlMinutes(d.hour*60))
		c.a.int("t:Month", int64(d.month))
		c.a.leaf("t:DayOfWeek", "Sunday")
		c.a.int("t:Occurrence", int64(d.week))
		c.a.end()
	}
	c.a.end()
	c.a.end()
	c.a.start("t:Transitions")
	c.a.start("t:Transition")
	to("Group", "0")
	c.a.end()
	c.a.end()
	c.a.end()
}

// xmlMinutes is an xs:duration.
func xmlMinutes(n int) string {
	if n < 0 {
		return fmt.Sprintf("-PT%dM", -n)
	}
	return fmt.Sprintf("PT%dM", n)
}
